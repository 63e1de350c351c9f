/**
 * What a run is, frozen in its folder before the first answer: the config with every default, the source, the questions.
 * How answers are scored may change later.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { makeFolder, readTextIfThere, writeAtomically } from "@amulet-ts/files";
import * as v from "valibot";
import { parse } from "yaml";
import { EvaluationError } from "../errors.js";
import { settingsOfLists } from "../grid/method-lists.js";
import type { Setting } from "../grid/settings.js";
import { instructionSchema } from "../scorers/ifeval/instruction.js";
import { type RunConfig, runConfigSchema, writeYaml } from "./config.js";
import { parseLines } from "./line-file.js";
import { pairUp, type Question, type RunPair } from "./pairs.js";
import { listRows, type Row, type RunSource } from "./rows.js";

/** Another number is another layout of the folder; folders of that are refused. */
const format = "amulet eval run, 1";

/** A run as it was laid down, and the work that follows from it. */
export interface RunPlan {
  readonly source: RunSource;
  readonly config: RunConfig;
  readonly questions: readonly Question[];
  readonly pairs: readonly RunPair[];
  readonly settings: readonly Setting[];
  readonly rows: readonly Row[];
}

/** @throws EvaluationError `bad-questions` */
export function planRun(source: RunSource, config: RunConfig, questions: readonly Question[]): RunPlan {
  const pairs = pairUp(questions, config.preferences);
  const settings = settingsOfLists(config.methods);
  return { source, config, questions, pairs, settings, rows: listRows(source, config, pairs, settings) };
}

const questionSchema = v.object({
  id: v.string(),
  question: v.string(),
  preference: v.exactOptional(v.object({ name: v.string(), text: v.string() })),
  instructions: v.exactOptional(v.array(instructionSchema)),
});

const recordSchema = v.object({
  format: v.literal(format),
  source: v.object({
    model: v.string(),
    digest: v.string(),
    engine: v.string(),
    backend: v.string(),
    versions: v.record(v.string(), v.string()),
  }),
  questions: v.object({ count: v.number(), digest: v.string() }),
  config: runConfigSchema,
});
type RunRecord = v.InferOutput<typeof recordSchema>;

/** Whether a run was laid down here. */
export async function hasRecord(folder: string): Promise<boolean> {
  return (await readTextIfThere(join(folder, "run.yaml"))) !== undefined;
}

/** Reads what was laid down. @throws EvaluationError `bad-file` for a folder without a run, of another version, or changed */
export async function readRun(folder: string): Promise<RunPlan> {
  const { source, config, questions: expected } = await readRecord(folder);
  const path = join(folder, "questions.jsonl");
  const text = (await readTextIfThere(path)) ?? "";
  if (digestOf(text) !== expected.digest)
    throw badFile(`${path} is not the file that this run began with, by its digest`);
  return planRun(source, config, parseLines(Buffer.from(text), questionSchema, path).lines);
}

/** Lays a run down, or compares it with the one that the folder has, which takes what decides no answer. @throws EvaluationError `other-run`, `bad-file` */
export async function writeRun(folder: string, { source, config, questions }: RunPlan): Promise<void> {
  const text = questions.map((question) => `${JSON.stringify(question)}\n`).join("");
  const record: RunRecord = {
    format,
    source,
    questions: { count: questions.length, digest: digestOf(text) },
    // Of the backends that are here tomorrow the best may be another one.
    config: source.engine === "tfjs" ? { ...config, backend: source.backend } : config,
  };
  if (await hasRecord(folder)) {
    const there = await readRecord(folder);
    compare(there, record, folder);
    return takeScores(there, config, folder);
  }
  await makeFolder(folder);
  await writeAtomically(join(folder, "questions.jsonl"), text);
  await writeRecord(folder, record);
}

async function writeRecord(folder: string, record: RunRecord): Promise<void> {
  await writeAtomically(join(folder, "run.yaml"), writeYaml(record));
}

/** Scores are stored nowhere: whatever reads the run from now on judges its answers by these. */
async function takeScores(there: RunRecord, { scores, measures }: RunConfig, folder: string): Promise<void> {
  const { config } = there;
  const isSame = scores === config.scores && JSON.stringify(measures) === JSON.stringify(config.measures);
  if (!isSame) await writeRecord(folder, { ...there, config: { ...config, scores, measures } });
}

async function readRecord(folder: string): Promise<RunRecord> {
  const path = join(folder, "run.yaml");
  const text = await readTextIfThere(path);
  if (text === undefined) throw badFile(`There is no run in ${folder}: it has no run.yaml`);
  const value: unknown = parse(text);
  const written = (value as { format?: unknown } | null)?.format;
  if (written !== format) {
    throw badFile(
      `${path} is of the format ${JSON.stringify(written ?? null)}, and this version reads ${JSON.stringify(format)}`,
    );
  }
  const { success, output, issues } = v.safeParse(recordSchema, value);
  if (success) return output;
  const where = issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join("; ");
  throw badFile(`${path} was changed: ${where}`);
}

/** What decides the answers; where a model lies, and how many answers grow at a time, does not. */
function compare(there: RunRecord, now: RunRecord, folder: string): void {
  const parts = ({ source, questions, config: { preferences, methods, answers } }: RunRecord) => ({
    ...source,
    questions: questions.digest,
    preferences,
    methods,
    answers,
  });
  const [old, fresh] = [parts(there), parts(now)];
  for (const [name, value] of Object.entries(fresh)) {
    const [before, after] = [JSON.stringify(old[name as keyof typeof old]), JSON.stringify(value)];
    if (before === after) continue;
    throw new EvaluationError(
      "other-run",
      `${folder} holds another run: its ${name} is ${before}, now it is ${after}. Give another folder with --out.`,
    );
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 20);
}

function badFile(what: string): EvaluationError {
  return new EvaluationError("bad-file", `${what}. Give the folder of a run.`);
}
