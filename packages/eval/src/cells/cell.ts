/** The smallest result of a run: one pair, answered under one setting and scored; a line of a file. */
import * as v from "valibot";
import type { PairAnswer } from "../answers/answer-pairs.js";
import { EvaluationError } from "../errors.js";
import { pickScores, type Scorer, type Scores } from "../scorers/scorer.js";

export interface Cell<Name extends string = string> extends PairAnswer {
  /** The setting's key. */
  readonly setting: string;
  /** Number of the pair in the run's list. */
  readonly pair: number;
  readonly scores: Scores<Name>;
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

/** The name of a file's format, the same since the first study: files of that time are read on. */
const format = "amulet lab curve, cells, 1";

/** The first line of a file of cells. */
export function headerLine(run: RunIdentity): string {
  return `${JSON.stringify({ format, ...run })}\n`;
}

/** Scores stand beside the cell's other fields, under their names. */
export function cellLine({ setting, pair, text, tokens, finishReason, drift, scores }: Cell): string {
  return `${JSON.stringify({ setting, pair, text, tokens, finishReason, drift, ...scores })}\n`;
}

/**
 * Reads the cells of a run back. A line without its end, which an interruption may leave, is ignored.
 *
 * @param source the file's name, for errors
 * @throws EvaluationError `other-run` where the file belongs to another run, `bad-file` where it is no file of cells
 */
export function readCells<Name extends string>(
  text: string,
  run: RunIdentity,
  scorer: Scorer<Name>,
  source: string,
): Cell<Name>[] {
  const end = text.lastIndexOf("\n");
  if (end < 0) return [];
  const [header, ...lines] = text.slice(0, end).split("\n");
  checkHeader(parseLine(header!, source, 1), run, source);
  return lines.map((line, i) => readCell(parseLine(line, source, i + 2), scorer, source, i + 2));
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

/** A cell but for its scores. */
const answered = v.object({
  setting: v.string(),
  pair: v.number(),
  text: v.string(),
  tokens: v.number(),
  finishReason: v.picklist(["stop", "length"]),
  drift: v.nullish(v.number(), null),
});

function readCell<Name extends string>(
  value: Record<string, unknown>,
  scorer: Scorer<Name>,
  source: string,
  number: number,
): Cell<Name> {
  const scores = v.object(Object.fromEntries(scorer.names.map((name) => [name, v.number()])));
  if (!v.is(answered, value) || !v.is(scores, value)) throw badLine("a cell", source, number);
  return { ...v.parse(answered, value), scores: pickScores(scorer, value) };
}

function badLine(expected: string, source: string, number: number, cause?: unknown): EvaluationError {
  return new EvaluationError(
    "bad-file",
    `Line ${number} of ${source} is not ${expected}: the file was changed. Give another folder, or remove it to start anew.`,
    { cause },
  );
}

function checkHeader(header: Record<string, unknown>, run: RunIdentity, source: string): void {
  const expected: Record<string, unknown> = { format, ...run };
  const other = Object.keys(expected).find((name) => header[name] !== expected[name]);
  if (other === undefined) return;
  throw new EvaluationError(
    "other-run",
    `${source} belongs to another run: its ${other} is ${JSON.stringify(header[other])}, now it is ` +
      `${JSON.stringify(expected[other])}. Give another folder with --out, or remove that file.`,
  );
}
