/** What a family of models is: a config, a table of tensors and a forward pass. One flat file each. */

import type { ConfigSource } from "@amulet-ts/files";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { RowCache } from "./layers/kv-cache.js";

/** What every family's config has, under the same names. */
export interface FamilyConfig {
  readonly vocabularySize: number;
  readonly blockCount: number;
  readonly contextLength: number;
}

/** Size of each axis letter of a family's tensor table. */
export type AxisSizes = Readonly<Record<string, number>>;

/**
 * One tensor of a checkpoint. `*` in a name stands for the block's number; shapes are in letters, outermost
 * first, as Hugging Face's checkpoints have them.
 */
export interface TensorSpec {
  /** Absent where that format does not store it. */
  readonly huggingface?: string;
  readonly gguf?: string;
  readonly shape: string;
  /** Hugging Face has this matrix as `[in, out]`, and GGUF files, like all others, as `[out, in]`. */
  readonly inputsFirst?: boolean;
  /** llama.cpp interleaves the rows of each of these many heads, (0, K/2, 1, K/2+1, …); the loader undoes it. */
  readonly interleavedHeads?: number;
  /**
   * Added to every number of a Hugging Face tensor: 1 where the checkpoint has w and the model computes with
   * 1 + w. llama.cpp adds it when it converts.
   */
  readonly offset?: number;
}

/**
 * What a family gets: a tensor; numbers (a Float32Array), since not every backend gives a tensor's at once; or a
 * `Weight`, to multiply with or to look up in.
 */
export type ParameterForm = "vector" | "numbers" | "linear" | "embedding";

/** One parameter of ours, made of one tensor of the checkpoint or of several side by side. */
export interface ParameterSpec {
  /** Where it goes: `embedding_VD`, or `blocks.*.wo_ED` for one in each block. */
  readonly path: string;
  readonly form: ParameterForm;
  readonly parts: readonly TensorSpec[];
  /** The checkpoint may leave it out. */
  readonly optional?: boolean;
}

/** One parameter of several of the checkpoint's tensors: vectors joined, weights with their outputs side by side. */
export function sideBySide(path: string, parts: readonly ParameterSpec[]): ParameterSpec {
  return { ...parts[0]!, path, parts: parts.flatMap((part) => part.parts) };
}

/** A part that several heads share, once for each of them. */
export function repeated(count: number, part: ParameterSpec): ParameterSpec[] {
  return Array.from({ length: count }, () => part);
}

type Line = [
  path: string,
  huggingface: string | undefined,
  gguf: string | undefined,
  shape: string,
  details?: Omit<TensorSpec, "huggingface" | "gguf" | "shape"> & Pick<ParameterSpec, "optional">,
];

/** A line of a family's table: a norm, a bias. */
export const vector = (...line: Line): ParameterSpec => readLine("vector", line);

/** A line of a family's table: what is wanted as numbers. */
export const numbers = (...line: Line): ParameterSpec => readLine("numbers", line);

/** A line of a family's table: a weight that states are multiplied with. */
export const linear = (...line: Line): ParameterSpec => readLine("linear", line);

/** A line of a family's table: a weight of which rows are looked up. */
export const embedding = (...line: Line): ParameterSpec => readLine("embedding", line);

function readLine(
  form: ParameterForm,
  [path, huggingface, gguf, shape, { optional, ...details } = {}]: Line,
): ParameterSpec {
  const names = { ...(huggingface && { huggingface }), ...(gguf && { gguf }) };
  return { path, form, parts: [{ ...names, shape, ...details }], ...(optional && { optional }) };
}

/** Parameters as the loader makes them by a family's table; the family names each in an interface of its own. */
export interface ParameterTree {
  readonly blocks: readonly object[];
}

/** New tokens of all rows, one row after the other. */
export interface TokenBatch {
  /** Ids of all rows; its length is N. */
  readonly ids_N: Int32Array;
  /** T_b: how many of them row b has. */
  readonly lengths: readonly number[];
}

export interface ForwardResult {
  /** After the last block, before the final norm. */
  readonly states_ND: Tensor2D;
  /** Each row's cache with its new tokens. */
  readonly caches: readonly RowCache[];
}

/** A family bound to one checkpoint: what a session runs. Results are the caller's, arguments borrowed. */
export interface ForwardPass {
  forward(batch: TokenBatch, caches: readonly RowCache[]): ForwardResult;
  /** Final norm and output head: `[N, D]` → logits `[N, V]`. */
  head(states_ND: Tensor2D): Tensor2D;
  /** Frees what binding made; the parameters belong to the loader. */
  dispose(): void;
}

export interface Family<Config extends FamilyConfig, Parameters extends ParameterTree> {
  readonly name: string;
  readConfig(source: ConfigSource): Config;
  axisSizes(config: Config): AxisSizes;
  parameters(config: Config): readonly ParameterSpec[];
  bind(config: Config, parameters: Parameters): ForwardPass;
}
