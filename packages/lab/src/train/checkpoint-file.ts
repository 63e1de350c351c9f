/**
 * The state of a training run in one file: weights and running means in float32, and as the file's metadata the step
 * and the settings. Random numbers and the place in the corpus follow from seed and step.
 */
import { encodeSafetensors, ModelError, openSafetensors } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import { LabError } from "../errors.js";
import type { TokenizerFiles } from "../tokenizer/write-tokenizer.js";
import { disposeTrained, type Trained, type TrainedTensors } from "./adamw.js";
import { writeAtomically } from "./atomic-file.js";
import type { TrainingSettings } from "./settings.js";

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
 * @param shapes of the tensors that the run trains
 * @returns tensors that are the caller's
 * @throws LabError `bad-checkpoint` for a file that is not there, damaged, or of another run
 */
export async function loadCheckpoint(path: string): Promise<TrainingState & { readonly record: RunRecord }> {
  const file = await openSafetensors(path).catch((cause: unknown) => refuse(path, cause));
  const tensors: Record<string, Record<string, tf.Tensor>> = {};
  try {
    const { stepsDone, record } = readMetadata(path, file.metadata.get("training"));
    for (const [key, source] of file.tensors) {
      const [, kind, name] =
        /^(weight|first|second)\/(.+)$/.exec(key) ?? refuse(path, `${key} is unexpected`);
      tensors[name!] ??= {};
      tensors[name!]![kind!] = tf.tensor(await source.read(), [...source.shape]);
    }
    return { trained: checkWhole(path, tensors), stepsDone, record };
  } catch (error) {
    disposeTrained(tensors as unknown as TrainedTensors);
    throw error instanceof ModelError ? refuse(path, error) : error;
  } finally {
    await file.close();
  }
}

function readMetadata(path: string, text = "null"): { stepsDone: number; record: RunRecord } {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("version" in value)) {
    return refuse(path, "it says nothing of a training run");
  }
  const { version: written, stepsDone, ...record } = value as Record<string, unknown>;
  if (written !== version || !Number.isInteger(stepsDone)) {
    return refuse(path, `it is of version ${String(written)}, and ${version} is read here`);
  }
  return { stepsDone: stepsDone as number, record: record as unknown as RunRecord };
}

function checkWhole(path: string, tensors: Record<string, Record<string, tf.Tensor>>): TrainedTensors {
  for (const [name, own] of Object.entries(tensors)) {
    const absent = kinds.find((kind) => !own[kind]);
    if (absent) refuse(path, `${absent}/${name} is missing`);
  }
  return tensors as unknown as TrainedTensors;
}

function refuse(path: string, cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new LabError(
    "bad-checkpoint",
    `${path} is no checkpoint that training can go on from: ${why.replace(/\.$/, "")}. ` +
      "Start anew, in another folder or without --resume.",
    { cause },
  );
}
