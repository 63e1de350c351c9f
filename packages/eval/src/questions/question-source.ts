/** Questions by the name of where they come from. */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { decodeText, type HubOptions, reasonOf, resolveDataset } from "@amulet-ts/files";
import { EvaluationError } from "../errors.js";
import type { Question } from "../runs/pairs.js";
import { readInstructions } from "../scorers/ifeval/instruction.js";
import { everydayQuestions } from "./everyday.js";
import { paperSetOf } from "./paper-sets.js";

/** Sets that a program knows by name, beside `everyday`. */
export type QuestionSets = Readonly<Record<string, () => readonly Question[]>>;

export interface QuestionChoice {
  readonly source: string;
  /** The column or field that has the question. */
  readonly field: string;
  readonly limit: number | null;
  /** Whether a question that came before is left out. */
  readonly distinct: boolean;
}

export interface LoadedQuestions {
  readonly questions: readonly Question[];
  /** The choice again; of a data set of the hub with the commit that was read. */
  readonly choice: QuestionChoice;
}

/**
 * @param hub how to reach the hub, where the source is `hub:org/name[:file][@revision]`, or a set of the paper
 * @throws EvaluationError `bad-questions`; FilesError of the hub, `file-unreadable` for text that is not UTF-8
 */
export async function loadQuestions(
  choice: QuestionChoice,
  sets: QuestionSets = {},
  hub: HubOptions = {},
): Promise<LoadedQuestions> {
  const { source, field, limit, distinct } = { ...choice, ...paperSetOf(choice.source) };
  const known: QuestionSets = { everyday: () => everydayQuestions, ...sets };
  const named = Object.hasOwn(known, source) ? known[source] : undefined;
  const { records, source: read } = named ? { records: [], source } : await readSource(source, hub);
  const all = named ? named() : records.map((one, i) => toQuestion(one, i, source, field));
  if (all.length === 0) throw badQuestions(source, "it is empty");
  const kept = distinct ? firstOfEach(all) : all;
  return {
    questions: limit === null ? kept : kept.slice(0, limit),
    choice: { source: read, field, limit, distinct },
  };
}

function firstOfEach(questions: readonly Question[]): Question[] {
  const seen = new Set<string>();
  return questions.filter(({ question }) => !seen.has(question) && seen.add(question));
}

interface ReadRows {
  readonly records: readonly unknown[];
  readonly source: string;
}

/** Of several files of a data set the rows of all, in the order of their names. */
async function readSource(source: string, hub: HubOptions): Promise<ReadRows> {
  const [, id] = /^hub:(.+)$/.exec(source) ?? [];
  if (id === undefined) return { records: await readRecords(source), source };
  const { commit, files } = await resolveDataset(id, hub);
  const records: unknown[] = [];
  for (const { local } of files) for (const record of await readRecords(local)) records.push(record);
  return { records, source: `hub:${id.replace(/@.*$/, "")}@${commit}` };
}

/** The rows of a file, by its ending: CSV with a header, parquet, else JSON lines or one JSON array; .gz behind it is undone. */
async function readRecords(path: string): Promise<readonly unknown[]> {
  if (/\.parquet$/i.test(path)) return readParquet(path);
  const text = decodeText(await readBytes(path), path);
  return /\.csv(\.gz)?$/i.test(path) ? readCsv(text, path) : readJson(text, path);
}

/** More text than this is no set of questions; a file may unpack to a thousand times its size. */
const mostTextBytes = 2 ** 30;

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    return /\.gz$/i.test(path) ? gunzipSync(bytes, { maxOutputLength: mostTextBytes }) : bytes;
  } catch (cause) {
    throw badQuestions(path, `it can't be read: ${reasonOf(cause)}`, cause);
  }
}

async function readCsv(text: string, path: string): Promise<unknown[]> {
  const { parse: parseCsv } = await import("csv-parse/sync");
  try {
    return parseCsv(text, { columns: true, skip_empty_lines: true });
  } catch (cause) {
    throw badQuestions(path, `it is no CSV with a header: ${(cause as Error).message}`, cause);
  }
}

async function readParquet(path: string): Promise<unknown[]> {
  const { asyncBufferFromFile, parquetReadObjects } = await import("hyparquet");
  try {
    return await parquetReadObjects({ file: await asyncBufferFromFile(path) });
  } catch (cause) {
    throw badQuestions(path, `it can't be read as parquet: ${(cause as Error).message}`, cause);
  }
}

function readJson(text: string, path: string): unknown[] {
  if (!text.trimStart().startsWith("["))
    return text
      .split("\n")
      .flatMap((line, i) => (line.trim() === "" ? [] : [parse(line, `${path}:${i + 1}`)]));
  return parse(text, path) as unknown[];
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badQuestions(where, "it is no JSON", cause);
  }
}

/** Empty questions are refused: a set with holes is not the set that somebody meant. */
export function toQuestion(record: unknown, index: number, source: string, field: string): Question {
  const fields = typeof record === "object" && record !== null ? (record as Record<string, unknown>) : {};
  const question = typeof record === "string" ? record : fields[field];
  if (typeof question !== "string" || question.trim() === "") {
    throw badQuestions(
      source,
      `row ${index + 1} has no text in ${JSON.stringify(field)}; it has ${Object.keys(fields).join(", ") || "no fields"}. ` +
        "Name the field with questions.field in the config",
    );
  }
  const instructions = instructionsOf(fields, index, source);
  const { id, key } = fields;
  const named = [id, key].find((one) => ["string", "number", "bigint"].includes(typeof one));
  return {
    id: String(named ?? index + 1),
    question: question.trim(),
    ...(instructions && { instructions }),
  };
}

function instructionsOf(fields: Record<string, unknown>, index: number, source: string) {
  try {
    return readInstructions(fields);
  } catch (cause) {
    throw badQuestions(
      source,
      `row ${index + 1} has an instruction that is none of IFEval's: ${(cause as Error).message}`,
      cause,
    );
  }
}

export function badQuestions(source: string, what: string, cause?: unknown): EvaluationError {
  return new EvaluationError("bad-questions", `${source} is no set of questions: ${what}.`, { cause });
}
