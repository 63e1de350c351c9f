/** The cells of a run in a file that grows batch by batch. */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeAtomically } from "../files/write-atomically.js";
import { type Cell, cellLine, headerLine, type RunIdentity, readCells } from "./cell.js";

import { batchSize, type CurveWork } from "./run-curve.js";

export class CellFile {
  private readonly batches: Set<number>;

  private constructor(
    readonly path: string,
    readonly cells: Cell[],
  ) {
    this.batches = new Set(cells.map(batchOf));
  }

  /**
   * Opens the file of a run, or begins it. A batch that is not whole, as an interruption leaves it, is taken out: it
   * is computed again.
   *
   * @param score judges the stored answers anew: the scorer and its world may have changed since
   * @throws LabError `other-run`, `bad-file`
   */
  static async open(path: string, run: RunIdentity, score?: CurveWork["score"]): Promise<CellFile> {
    await mkdir(dirname(path), { recursive: true });
    const text = await readIfThere(path);
    const stored = wholeBatches(readCells(text, run, path), run);
    const cells = score ? stored.map((cell) => ({ ...cell, ...score(cell.text, cell.pair) })) : stored;
    const kept = headerLine(run) + cells.map(cellLine).join("");
    if (kept !== text) await writeAtomically(path, kept);
    return new CellFile(path, cells);
  }

  /** Whether the batch that begins with this pair has been computed. */
  has(firstPair: number): boolean {
    return this.batches.has(firstPair);
  }

  /** Appends the cells of one batch in one write. */
  async add(cells: readonly Cell[]): Promise<void> {
    await appendFile(this.path, cells.map(cellLine).join(""));
    this.cells.push(...cells);
    for (const cell of cells) this.batches.add(batchOf(cell));
  }
}

/** The first pair of a cell's batch. */
const batchOf = ({ pair }: Cell) => pair - (pair % batchSize);

/** Of the batches in which every pair stands under every setting, once. */
function wholeBatches(cells: readonly Cell[], run: RunIdentity): Cell[] {
  const batches = new Map<number, Cell[]>();
  for (const cell of cells) {
    const own = batches.get(batchOf(cell));
    if (own) own.push(cell);
    else batches.set(batchOf(cell), [cell]);
  }
  return [...batches].flatMap(([first, own]) => (isWhole(first, own, run) ? own : []));
}

function isWhole(first: number, cells: readonly Cell[], { pairCount, settingCount }: RunIdentity): boolean {
  const size = settingCount * Math.min(batchSize, pairCount - first);
  const settings = new Set(cells.map(({ setting }) => setting));
  const places = new Set(cells.map(({ pair, setting }) => `${pair} ${setting}`));
  const isInside = cells.every(({ pair }) => Number.isInteger(pair) && pair >= 0 && pair < pairCount);
  return isInside && settings.size === settingCount && places.size === size && cells.length === size;
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
