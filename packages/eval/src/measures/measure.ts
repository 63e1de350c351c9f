/** What a model says of an answer: numbers that cost a pass each, and are kept beside the answers. */
import { join } from "node:path";
import { readBytesIfThere } from "@amulet-ts/files";
import * as v from "valibot";
import type { RunAnswer } from "../runs/answer-line.js";
import { LineFile, parseLines } from "../runs/line-file.js";
import type { RunPair } from "../runs/pairs.js";
import { readAnswers } from "../runs/run-folder.js";
import type { RunPlan } from "../runs/run-record.js";

export interface MeasuredAnswer {
  readonly answer: RunAnswer;
  readonly pair: RunPair;
}

export interface Measure {
  /** What it measures, in the order of its numbers. */
  readonly names: readonly string[];
  /** Everything that decides its numbers: the model with its digest, and what it is asked. */
  readonly by: string;
  /** How many answers it takes together. */
  readonly atOnce: number;
  /** @returns for each answer a finite number for every name */
  take(answers: readonly MeasuredAnswer[], signal?: AbortSignal): Promise<readonly (readonly number[])[]>;
}

const lineSchema = v.object({ key: v.string(), by: v.string(), values: v.record(v.string(), v.number()) });
export type MeasureLine = v.InferOutput<typeof lineSchema>;

export const measuresFile = "measures.jsonl";

export interface TakeOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Measures the answers of a folder that this measure has not seen, and keeps each batch as it is done.
 *
 * @throws EvaluationError `bad-file`, `no-room`; what the measure throws
 */
export async function takeMeasure(
  folder: string,
  { rows, pairs }: RunPlan,
  measure: Measure,
  { signal, onProgress }: TakeOptions = {},
): Promise<void> {
  const answers = await readAnswers(folder);
  const file = await LineFile.open(join(folder, measuresFile), lineSchema);
  try {
    const known = new Set(file.lines.filter(({ by }) => by === measure.by).map(({ key }) => key));
    const own = rows.filter(({ key }) => answers.has(key));
    const missing = own.filter(({ key }) => !known.has(key));
    for (let done = 0; done < missing.length; done += measure.atOnce) {
      onProgress?.(own.length - missing.length + done, own.length);
      const batch = missing
        .slice(done, done + measure.atOnce)
        .map(({ key, pair }) => ({ answer: answers.get(key)!, pair: pairs[pair]! }));
      const values = await measure.take(batch, signal);
      await file.append(batch.map(({ answer: { key } }, i) => toLine(key, measure, values[i]!)));
    }
    onProgress?.(own.length, own.length);
  } finally {
    await file.close();
  }
}

function toLine(key: string, { by, names }: Measure, values: readonly number[]): MeasureLine {
  return { key, by, values: Object.fromEntries(names.map((name, i) => [name, values[i]!])) };
}

/** Everything that was measured in a folder. @throws EvaluationError `bad-file` */
export async function readMeasures(folder: string): Promise<MeasureLine[]> {
  const path = join(folder, measuresFile);
  const bytes = await readBytesIfThere(path);
  return bytes === undefined ? [] : parseLines(bytes, lineSchema, path).lines;
}
