import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel, type Model } from "@amulet-ts/models";
import type { oracleLogits } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { onTestFinished } from "vitest";
import { halfTolerance, logitTolerance } from "../backends/tolerance.js";
import { readSafetensors } from "../files/read-safetensors.js";
import { fixture, readFixture } from "./fixture.js";

/** Every tiny checkpoint: its folder, and the family that must run it. */
export const checkpoints = [
  ["gemma3-text", "gemma3"],
  ["gpt2", "gpt2"],
  ["llama-gqa-tied", "llama"],
  ["llama-mha-untied", "llama"],
  ["llama3-rope-scaling", "llama"],
  ["mistral-sliding", "mistral"],
  ["qwen2", "qwen2"],
  ["qwen3", "qwen3"],
] as const;

/** What the reference computes for one input. */
export interface ReferenceCase {
  readonly input_ids: readonly number[];
  /** Computed in float64, kept in float32, at every position: `[T][V]`. */
  readonly logits: readonly (readonly number[])[];
  /** How far the reference's own float32 run is from its float64 run. */
  readonly max_abs_float32_error: number;
  readonly greedy_12: readonly number[];
}

/** The cases of a checkpoint; the file has the fewest digits that are the same float32. */
export function readReference(folder: string): ReferenceCase[] {
  const { cases } = readFixture<{ cases: ReferenceCase[] }>(`checkpoints/${folder}/expected.json`);
  return cases.map((one) => ({ ...one, logits: one.logits.map((row) => row.map(Math.fround)) }));
}

type PlainModel = Parameters<typeof oracleLogits>[0];

const plainModels = new Map<string, PlainModel>();

/** A fixture as the oracles read it. */
function readPlainModel(folder: string): PlainModel {
  const known = plainModels.get(folder);
  if (known) return known;
  const config = readFixture<PlainModel["config"] & { model_type: string }>(
    `checkpoints/${folder}/config.json`,
  );
  const tensors = readSafetensors(fixture(`checkpoints/${folder}/model.safetensors`));
  const family = config.model_type === "gemma3_text" ? "gemma3" : config.model_type;
  const model = { family, config, tensors } as PlainModel;
  plainModels.set(folder, model);
  return model;
}

/** What float32 may do to a fixture's logits, at every position of a row. */
export function roundingOf(folder: string, ids: readonly number[], backend = "wasm"): number {
  const model = readPlainModel(folder);
  const { config } = model;
  const longestSum =
    "n_embd" in config ? 4 * config.n_embd : Math.max(config.hidden_size, config.intermediate_size);
  const norms = model.family === "gemma3" ? 4 : 2;
  return logitTolerance(model, ids, { longestSum, norms }, backend);
}

/**
 * The same, and the reference's own rounding: its norms, rotations and attention weights are float32 in every type, and
 * what it states of its whole float32 run was measured against those.
 */
export function toleranceOf(folder: string, { input_ids, ...reference }: ReferenceCase, backend = "wasm") {
  return roundingOf(folder, input_ids, backend) + 2 * reference.max_abs_float32_error;
}

/** What products in f16 add to what float32 does. */
export function halvesOf(folder: string, ids: readonly number[]): number {
  return halfTolerance(readPlainModel(folder), ids);
}

/** Two float32 results, each that close to the exact one. */
export function toleranceBetweenRuns(
  folder: string,
  rows: readonly (readonly number[])[],
  backend?: string,
): number {
  return 2 * Math.max(...rows.map((row) => roundingOf(folder, row, backend)));
}

export function loadFixture(folder: string, options?: Parameters<typeof loadModel>[1]): Promise<Model> {
  return loadModel(fixture(`checkpoints/${folder}`), options);
}

/** The rows of a matrix. */
export async function readRows(x: tf.Tensor2D): Promise<Float32Array[]> {
  const values = (await x.data()) as Float32Array;
  const width = x.shape[1];
  x.dispose();
  return Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
}

/** Logits after every token of one row, in one call. */
export async function prefill(model: Model, ids: readonly number[]): Promise<Float32Array[]> {
  using session = model.openTensorSession(1);
  return readRows(session.appendAll([ids])[0]!);
}

/** The largest difference between two lists of rows. */
export function distance(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  if (a.length !== b.length) throw new Error(`${a.length} rows against ${b.length}`);
  let worst = 0;
  for (const [i, row] of a.entries()) {
    for (let j = 0; j < row.length; j++) {
      const difference = Math.abs(row[j]! - b[i]![j]!);
      // NaN compares as false, and must not pass as close.
      worst = Math.max(worst, difference);
    }
  }
  return worst;
}

export function argMax(row: Float32Array): number {
  return row.indexOf(Math.max(...row));
}

/** Runs a test and compares the number of tensors before and after. */
export async function countLeaks(run: () => Promise<void>): Promise<number> {
  const before = tf.memory().numTensors;
  await run();
  return tf.memory().numTensors - before;
}

type Config = Record<string, unknown>;
type Rewrites = Readonly<Record<string, (content: Config) => Config>>;

/** Loads a copy of a fixture with some of its JSON files rewritten. */
export async function loadRewritten(folder: string, rewrites: Rewrites): Promise<Model> {
  return loadModel(await rewriteFolder(folder, rewrites));
}

/** A copy of a fixture's folder, its files linked but those rewritten or left out. It goes away with the test. */
export async function rewriteFolder(
  folder: string,
  rewrites: Rewrites,
  without: readonly string[] = [],
): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "amulet-families-"));
  onTestFinished(() => rm(copy, { recursive: true, force: true }));
  const names = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"];
  for (const name of names.filter((name) => !without.includes(name))) {
    const from = fixture(`checkpoints/${folder}/${name}`);
    const change = rewrites[name];
    if (!change) await symlink(from, join(copy, name));
    else {
      const content = JSON.parse(await readFile(from, "utf8"));
      await writeFile(join(copy, name), JSON.stringify(change(content)));
    }
  }
  return copy;
}
