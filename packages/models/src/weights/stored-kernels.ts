/**
 * Kernels that multiply with weights as their file stores them. The backend brings them, not this package: `startBackend`
 * of @amulet-ts/backends leaves them at the backend that it starts. Where there are none, weights are float32.
 */
import { backend, type Tensor1D, type Tensor2D } from "@tensorflow/tfjs-core";
import type { KernelPart, Weight } from "./weight.js";

/** A weight that is there, and not yet written. */
export interface EmptyWeight extends Weight {
  /** Puts whole rows, as the file has them, from row `first` on. */
  write(first: number, rows: Uint8Array): void;
}

export interface StoredKernels {
  /** The types that are multiplied as they are, in the words of files. */
  readonly storedTypes: readonly string[];
  /** Room for a weight of such a type. */
  hold(storedType: string, outputs: number, inputs: number): EmptyWeight;
  /** Operations that do several things at once, in the memory of a part; all parts that they get lie there. Not everywhere. */
  fuse?(part: KernelPart): FusedOperations;
}

type Parts = readonly KernelPart[];

/** A page of a row's cache: keys and values of a few tokens in all blocks. */
export interface CachePage {
  dispose(): void;
}

/** Sizes of attention and of its cache. K, the width of a head, is a multiple of four. */
export interface FusedShape {
  readonly blockCount: number;
  /** M = G·K. */
  readonly tokenWidth: number;
  readonly heads: number;
  readonly groups: number;
  readonly headWidth: number;
  /** Factor on the scores. */
  readonly scale: number;
}

/** Where the new tokens of a step go: made once for all blocks. */
export interface StepPlan {
  /** Of each row: its pages, with room for the new tokens, and how many tokens it had. */
  readonly rows: readonly { readonly pages: readonly CachePage[]; readonly length: number }[];
  readonly lengths: readonly number[];
  /** Of each new token, K/2 numbers, one token after the other. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** What a block does between two reads of its weights; each tells in its name what it does, in that order. */
export interface FusedOperations {
  /** RMS norm, then products: one result for each weight. */
  normProducts(x_ND: Tensor2D, norm_D: Tensor1D, epsilon: number, weights: readonly Parts[]): Tensor2D[];
  /** y + x·w. */
  addProduct(x_NE: Tensor2D, weight: Parts, y_ND: Tensor2D): Tensor2D;
  /** x + down(silu(gate(norm x)) · up(norm x)). */
  addFeedForward(
    x_ND: Tensor2D,
    norm_D: Tensor1D,
    epsilon: number,
    parts: { readonly gate: Parts; readonly up: Parts; readonly down: Parts },
  ): Tensor2D;
  /** A row's pages with room for new tokens: of those it has all that it may write to, and copies or new ones. */
  growPages(
    shape: FusedShape,
    pages: readonly CachePage[],
    length: number,
    newTokens: number,
  ): readonly CachePage[];
  /** Rotates queries and keys, appends keys and values to the pages, and attends over them. */
  attend(
    shape: FusedShape,
    plan: StepPlan,
    where: { readonly block: number; readonly window: number },
    heads: { readonly qk_NX: Tensor2D; readonly v_NM: Tensor2D },
  ): Tensor2D;
}

/** Where a backend has them, by agreement with @amulet-ts/kernels. */
const agreedKey = Symbol.for("@amulet-ts/stored-kernels");

/** Those of the backend that runs now. */
export function storedKernels(): StoredKernels | undefined {
  return (backend() as { [agreedKey]?: StoredKernels })[agreedKey];
}
