/** The smallest result of a study: one pair, answered under one setting and scored; a line of a file. */
import { LabError } from "../errors.js";
import type { PairAnswer } from "./answer-pairs.js";

/** Measures of an answer, each between 0 and 1. */
export interface AnswerScores {
  readonly grammaticality: number;
  readonly relevance: number;
  /** How far the answer follows the preference. */
  readonly preference: number;
}

export interface Cell extends PairAnswer, AnswerScores {
  /** The setting's key. */
  readonly setting: string;
  /** Number of the pair in the run's list. */
  readonly pair: number;
}

/** What must be equal for cells to belong to one run. */
export interface RunIdentity {
  /** The model's name and a digest of its files. */
  readonly model: string;
  readonly backend: string;
  /** A digest of the pairs in their order. */
  readonly pairs: string;
  readonly pairCount: number;
  /** A digest of the settings in their order. */
  readonly settings: string;
  readonly settingCount: number;
  readonly batchSize: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly seed: number;
}

const format = "amulet lab curve, cells, 1";

/** The first line of a file of cells. */
export function headerLine(run: RunIdentity): string {
  return `${JSON.stringify({ format, ...run })}\n`;
}

export function cellLine(cell: Cell): string {
  return `${JSON.stringify(cell)}\n`;
}

/**
 * Reads the cells of a run back. A line without its end, which an interruption may leave, is ignored.
 *
 * @param source the file's name, for errors
 * @throws LabError `other-run` where the file belongs to another run, `bad-file` where it is no file of cells
 */
export function readCells(text: string, run: RunIdentity, source: string): Cell[] {
  const end = text.lastIndexOf("\n");
  if (end < 0) return [];
  const [header, ...lines] = text.slice(0, end).split("\n");
  checkHeader(parseLine(header!, source, 1), run, source);
  return lines.map((line, i) => readCell(parseLine(line, source, i + 2), source, i + 2));
}

function parseLine(line: string, source: string, number: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw badLine("JSON", source, number, cause);
  }
  if (typeof value !== "object" || value === null) throw badLine("an object", source, number);
  return value as Record<string, unknown>;
}

function readCell(value: Record<string, unknown>, source: string, number: number): Cell {
  const { setting, pair, text, tokens, finishReason, drift } = value;
  const numbers = [pair, tokens, ...measures.map((name) => value[name])];
  const isCell =
    [setting, text, finishReason].every((one) => typeof one === "string") &&
    [...numbers, drift ?? 0].every((one) => typeof one === "number");
  if (!isCell) throw badLine("a cell", source, number);
  return value as unknown as Cell;
}

const measures = ["grammaticality", "relevance", "preference"] satisfies (keyof AnswerScores)[];

function badLine(expected: string, source: string, number: number, cause?: unknown): LabError {
  return new LabError(
    "bad-file",
    `Line ${number} of ${source} is not ${expected}: the file was changed. Give another folder, or remove it to start anew.`,
    { cause },
  );
}

function checkHeader(header: Record<string, unknown>, run: RunIdentity, source: string): void {
  const expected: Record<string, unknown> = { format, ...run };
  const other = Object.keys(expected).find((name) => header[name] !== expected[name]);
  if (other === undefined) return;
  throw new LabError(
    "other-run",
    `${source} belongs to another run: its ${other} is ${JSON.stringify(header[other])}, now it is ` +
      `${JSON.stringify(expected[other])}. Give another folder with --out, or remove that file.`,
  );
}
