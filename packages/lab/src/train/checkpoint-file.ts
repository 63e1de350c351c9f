/**
 * The state of a training run in one file: weights and running means in float32, and as the file's metadata the step
 * and the settings. Random numbers and the place in the corpus follow from seed and step.
 */
import { dirname } from "node:path";
import { encodeSafetensors, FilesError, openSafetensors, writeAtomically } from "@amulet-ts/files";
import * as tf from "@tensorflow/tfjs-core";
import * as v from "valibot";
import { LabError } from "../errors.js";
import type { TokenizerFiles } from "../tokenizer/write-tokenizer.js";
import { isThere } from "./is-there.js";
import { disposeTrained, type Trained, type TrainedTensors } from "./optimiser/adamw.js";
import { settingsSchema, type TrainingSettings } from "./settings.js";

/** Where a run is; the tensors are the holder's. */
export interface TrainingState {
  readonly trained: TrainedTensors;
  readonly stepsDone: number;
}

/** What a run needs to go on beside its tensors. */
export interface RunRecord {
  readonly settings: TrainingSettings;
  /** The texts of the tokenizer's files: what was learnt once stays. */
  readonly tokenizer: TokenizerFiles;
  /** Time spent training so far, in all of its parts. */
  readonly seconds: number;
  /** What it computes on; another backend would round otherwise. Absent where nobody said. */
  readonly backend?: string;
}

const kinds = ["weight", "first", "second"] as const satisfies readonly (keyof Trained)[];
/** Rises whenever an older file can't be read any more. */
const version = 1;

/** Replaces the file in one go: whenever the process ends, a whole checkpoint is there. */
export async function saveCheckpoint(path: string, state: TrainingState, record: RunRecord): Promise<void> {
  const { trained, stepsDone } = state;
  const named = Object.entries(trained).flatMap(([name, own]) =>
    kinds.map((kind) => [`${kind}/${name}`, own[kind]] as const),
  );
  const read = await Promise.all(
    named.map(async ([name, tensor]) => {
      return [name, { shape: tensor.shape, values: (await tensor.data()) as Float32Array }] as const;
    }),
  );
  const metadata = { training: JSON.stringify({ version, stepsDone, ...record }) };
  await writeAtomically(path, encodeSafetensors(new Map(read), "F32", metadata));
}

/**
 * @returns tensors that are the caller's
 * @throws LabError `bad-checkpoint` for a file that is not there, damaged, or of something else; whether the tensors
 *   are those of the run's model, `checkTensors` says
 */
export async function loadCheckpoint(path: string): Promise<TrainingState & { readonly record: RunRecord }> {
  const file = await openCheckpoint(path);
  const tensors: Record<string, Record<string, tf.Tensor>> = Object.create(null);
  try {
    const { stepsDone, record } = readMetadata(path, file.metadata.get("training"));
    for (const [key, source] of file.tensors) {
      const [, kind, name] =
        /^(weight|first|second)\/(.+)$/.exec(key) ?? refuse(path, `${key} is unexpected`);
      tensors[name!] ??= {};
      tensors[name!]![kind!] = tf.tensor(await source.read(), [...source.shape]);
    }
    return { trained: tensors as unknown as TrainedTensors, stepsDone, record };
  } catch (error) {
    disposeTrained(tensors as unknown as TrainedTensors);
    throw error instanceof FilesError ? refuse(path, error) : error;
  } finally {
    await file.close();
  }
}

/** What a checkpoint says of its run, without its tensors. @throws LabError `bad-checkpoint` */
export async function readRecord(path: string): Promise<RunRecord> {
  const file = await openCheckpoint(path);
  try {
    return readMetadata(path, file.metadata.get("training")).record;
  } finally {
    await file.close();
  }
}

/**
 * Whether the tensors are those of the model that the run trains.
 *
 * @param shapes by name, those of the run's definition
 * @throws LabError `bad-checkpoint`
 */
export function checkTensors(
  path: string,
  trained: TrainedTensors,
  shapes: ReadonlyMap<string, readonly number[]>,
): void {
  const foreign = Object.keys(trained).find((name) => !shapes.has(name));
  if (foreign !== undefined) refuse(path, `${foreign} is no tensor of the run's model`);
  for (const [name, shape] of shapes) {
    for (const kind of kinds) checkShape(path, `${kind}/${name}`, trained[name]?.[kind]?.shape, shape);
  }
}

function checkShape(
  path: string,
  name: string,
  came: readonly number[] | undefined,
  shape: readonly number[],
) {
  if (came === undefined) refuse(path, `${name} is missing`);
  if (came.join() !== shape.join()) refuse(path, `${name} has shape [${came}] in place of [${shape}]`);
}

async function openCheckpoint(path: string): ReturnType<typeof openSafetensors> {
  if (!(await isThere(path))) {
    throw new LabError(
      "bad-checkpoint",
      `There is no training run to go on from: ${path} does not exist. Name the run's folder, or start without --resume.`,
    );
  }
  return openSafetensors(path).catch((cause: unknown) => refuse(path, cause));
}

const runSchema = v.looseObject({ version: v.unknown() });

const recordSchema = v.object({
  stepsDone: v.pipe(v.number(), v.integer(), v.minValue(0)),
  settings: settingsSchema,
  tokenizer: v.object({ "tokenizer.json": v.string(), "tokenizer_config.json": v.string() }),
  seconds: v.number(),
  backend: v.exactOptional(v.string()),
});

function readMetadata(path: string, text = "null"): { stepsDone: number; record: RunRecord } {
  const run = v.safeParse(runSchema, parseMetadata(path, text));
  if (!run.success) return refuse(path, "it says nothing of a training run");
  if (run.output.version !== version) {
    return refuse(path, `it is of version ${String(run.output.version)}, and ${version} is read here`);
  }
  const written = v.safeParse(recordSchema, run.output);
  if (!written.success) return refuse(path, "its record of the run is damaged");
  const { stepsDone, ...record } = written.output;
  return { stepsDone, record };
}

function parseMetadata(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return refuse(path, cause);
  }
}

function refuse(path: string, cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new LabError(
    "bad-checkpoint",
    `${path} is no checkpoint that training can go on from: ${why.replace(/\.$/, "")}. ` +
      `Remove ${dirname(path)}, or name another folder.`,
    { cause },
  );
}
