/** The cells of a run in a file that grows batch by batch. */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeAtomically } from "../train/atomic-file.js";
import { type Cell, cellLine, headerLine, type RunIdentity, readCells } from "./cell.js";

import { batchSize } from "./run-curve.js";

export class CellFile {
  private readonly batches: Set<number>;

  private constructor(
    readonly path: string,
    readonly cells: Cell[],
  ) {
    this.batches = new Set(cells.map(batchOf));
  }

  /**
   * Opens the file of a run, or begins it. What an interruption left of a batch is taken out.
   *
   * @throws LabError `other-run`, `bad-file`
   */
  static async open(path: string, run: RunIdentity): Promise<CellFile> {
    await mkdir(dirname(path), { recursive: true });
    const text = await readIfThere(path);
    const cells = wholeBatches(readCells(text, run, path), run);
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

/** Without the batch that lines are missing of: the last one, which was being written. */
function wholeBatches(cells: readonly Cell[], { pairCount, settingCount }: RunIdentity): Cell[] {
  const last = cells.at(-1);
  if (!last) return [];
  const first = batchOf(last);
  const size = settingCount * Math.min(batchSize, pairCount - first);
  const isWhole = cells.filter((cell) => batchOf(cell) === first).length === size;
  return cells.filter((cell) => isWhole || batchOf(cell) !== first);
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
