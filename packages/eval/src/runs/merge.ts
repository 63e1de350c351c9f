/** Joins the folders in which several machines worked on shares of one run. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "@amulet-ts/files";
import { EvaluationError } from "../errors.js";
import { measuresFile, readMeasures } from "../measures/measure.js";
import type { RunAnswer } from "./answer-line.js";
import { nameShard, wholeRun } from "./rows.js";
import { keepOne, readAnswers } from "./run-folder.js";
import { lockShard } from "./run-lock.js";
import { type RunPlan, readRun, writeRun } from "./run-record.js";

export interface MergeResult {
  readonly answers: number;
  readonly missing: number;
  /** Answers that more than one folder had, alike. */
  readonly double: number;
}

/**
 * Writes the answers of all folders into one, in the order of the run, each once.
 *
 * @param isComplete whether an answer that no folder has is an error
 * @throws EvaluationError `other-run`, `incomplete`, `bad-file` where two folders disagree or hold what is none of the run
 */
export async function mergeRuns(
  folders: readonly string[],
  out: string,
  isComplete = true,
): Promise<MergeResult> {
  const plan = await readRun(folders[0]!);
  await refuseAnswers(out);
  const found = new Map<string, RunAnswer>();
  let read = 0;
  for (const folder of folders) {
    await compareRuns(plan, folder);
    const answers = await readAnswers(folder);
    read += answers.size;
    for (const answer of answers.values()) keepOne(found, answer, folder);
  }
  const rows = plan.rows.flatMap(({ key }) => found.get(key) ?? []);
  if (rows.length < found.size) {
    throw new EvaluationError(
      "bad-file",
      `${found.size - rows.length} answers are to no question of this run.`,
    );
  }
  const missing = plan.rows.length - rows.length;
  if (isComplete && missing > 0) throw incomplete(missing, plan);
  await writeRun(out, plan);
  const lock = await lockShard(out, wholeRun);
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  await writeAtomically(join(out, `answers.${nameShard(wholeRun)}.jsonl`), lines).finally(lock.release);
  const measured = (await Promise.all(folders.map(readMeasures))).flat().filter(({ key }) => found.has(key));
  if (measured.length > 0)
    await writeAtomically(
      join(out, measuresFile),
      measured.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  return { answers: rows.length, missing, double: read - found.size };
}

/** Two plans are of one run when they ask for the same rows. */
async function compareRuns({ rows }: RunPlan, folder: string): Promise<void> {
  const other = await readRun(folder);
  const isSame = other.rows.length === rows.length && other.rows.every(({ key }, i) => key === rows[i]!.key);
  if (isSame) return;
  throw new EvaluationError(
    "other-run",
    `${folder} holds another run than the first folder: compare their run.yaml.`,
  );
}

async function refuseAnswers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[]);
  if (!names.some((name) => name.startsWith("answers."))) return;
  throw new EvaluationError(
    "other-run",
    `${folder} has answers already; the joined run wants a folder of its own.`,
  );
}

function incomplete(missing: number, { rows }: RunPlan): EvaluationError {
  return new EvaluationError(
    "incomplete",
    `${missing} of ${rows.length} answers are in none of the folders: let their shares finish, or join what there is ` +
      "with --incomplete.",
  );
}
