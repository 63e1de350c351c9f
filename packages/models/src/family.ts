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
  /** llama.cpp interleaves the rows of each of these many heads, (0, K/2, 1, K/2+1, …); the loader undoes it. */
  readonly interleavedHeads?: number;
  /**
   * Added to every number of a Hugging Face tensor: 1 where the checkpoint has w and the model computes with
   * 1 + w. llama.cpp adds it when it converts.
   */
  readonly offset?: number;
}

/**
 * One parameter of ours, made of one tensor of the checkpoint or of several side by side along the last axis.
 * Our matrices are `[in, out]`; `transpose` turns a checkpoint's `[out, in]`, which only llama.cpp's file may have.
 */
export interface ParameterSpec {
  /** Where it goes: `embedding_VD`, or `blocks.*.wo_ED` for one in each block. */
  readonly path: string;
  readonly parts: readonly TensorSpec[];
  readonly transpose?: boolean | "gguf";
  /** The checkpoint may leave it out. */
  readonly optional?: boolean;
  /** A `VocabularyMatrix`: where it is larger than a tensor may be, it comes as slices along the vocabulary. */
  readonly inSlices?: boolean;
  /** Wanted as numbers (a Float32Array), not as a tensor: not every backend gives a tensor's numbers at once. */
  readonly onHost?: boolean;
}

/** One parameter of several of the checkpoint's tensors, joined along our last axis. */
export function sideBySide(path: string, parts: readonly ParameterSpec[]): ParameterSpec {
  return { ...parts[0]!, path, parts: parts.flatMap((part) => part.parts) };
}

/** A part that several heads share, once for each of them. */
export function repeated(count: number, part: ParameterSpec): ParameterSpec[] {
  return Array.from({ length: count }, () => part);
}

type Details = Pick<TensorSpec, "interleavedHeads" | "offset"> &
  Pick<ParameterSpec, "optional" | "inSlices" | "onHost">;

/** A line of a family's table: one tensor as it is. */
export function asStored(
  path: string,
  huggingface: string | undefined,
  gguf: string | undefined,
  shape: string,
  { optional, inSlices, onHost, ...details }: Details = {},
): ParameterSpec {
  const names = { ...(huggingface && { huggingface }), ...(gguf && { gguf }) };
  const parts = [{ ...names, shape, ...details }];
  return {
    path,
    parts,
    ...(optional && { optional }),
    ...(inSlices && { inSlices }),
    ...(onHost && { onHost }),
  };
}

/** A line of a family's table: a matrix that the checkpoint has as `[out, in]`. */
export function transposed(...line: Parameters<typeof asStored>): ParameterSpec {
  return { ...asStored(...line), transpose: true };
}

/** A line of a family's table: a matrix that Hugging Face has as `[in, out]` and llama.cpp as `[out, in]`. */
export function transposedInGguf(...line: Parameters<typeof asStored>): ParameterSpec {
  return { ...asStored(...line), transpose: "gguf" };
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
