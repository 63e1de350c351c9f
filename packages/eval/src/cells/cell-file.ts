/** The cells of a run in a file that grows batch by batch. */
import { dirname } from "node:path";
import { appendText, makeFolder, readBytesIfThere, writeAtomically } from "@amulet-ts/files";
import { checkScorer, judge } from "../scorers/scorer.js";
import { type Cell, cellLine, headerLine, type RunIdentity, readCells } from "./cell.js";
import { batchSize, type RunWork } from "./compute-cells.js";

export class CellFile<Name extends string = string> {
  private readonly batches: Set<number>;

  private constructor(
    readonly path: string,
    readonly cells: Cell<Name>[],
  ) {
    this.batches = new Set(cells.map(batchOf));
  }

  /**
   * Opens the file of a run, or begins it. A batch that is not whole, as an interruption leaves it, is taken out: it
   * is computed again. Stored answers are judged anew: the scorer and its world may have changed since.
   *
   * @throws EvaluationError `other-run`, `bad-file`, `bad-score`; FilesError where the disk refuses
   */
  static async open<Name extends string>(
    path: string,
    run: RunIdentity,
    { pairs, scorer }: Pick<RunWork<Name>, "pairs" | "scorer">,
  ): Promise<CellFile<Name>> {
    checkScorer(scorer);
    await makeFolder(dirname(path));
    const text = new TextDecoder().decode(await readBytesIfThere(path));
    const cells: Cell<Name>[] = [];
    for (const cell of wholeBatches(readCells(text, run, scorer, path), run))
      cells.push({ ...cell, scores: await judge(scorer, cell.text, pairs[cell.pair]!) });
    const kept = headerLine(run) + cells.map(cellLine).join("");
    if (kept !== text) await writeAtomically(path, kept);
    return new CellFile(path, cells);
  }

  /** Whether the batch that begins with this pair has been computed. */
  has(firstPair: number): boolean {
    return this.batches.has(firstPair);
  }

  /** Appends the cells of one batch in one write. */
  async add(cells: readonly Cell<Name>[]): Promise<void> {
    await appendText(this.path, cells.map(cellLine).join(""));
    this.cells.push(...cells);
    for (const cell of cells) this.batches.add(batchOf(cell));
  }
}

/** The first pair of a cell's batch. */
const batchOf = ({ pair }: Cell) => pair - (pair % batchSize);

/** Of the batches in which every pair stands under every setting, once. */
function wholeBatches<Name extends string>(cells: readonly Cell<Name>[], run: RunIdentity): Cell<Name>[] {
  const batches = new Map<number, Cell<Name>[]>();
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
