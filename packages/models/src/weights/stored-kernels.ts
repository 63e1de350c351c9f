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

/** The root mean square's norm, or, with a bias, the layer norm. */
export interface FusedNorm {
  readonly weight_D: Tensor1D;
  readonly bias_D?: Tensor1D;
  readonly epsilon: number;
}

/** Weights whose outputs stand side by side, and what is added to their products. */
export interface FusedLinear {
  readonly parts: readonly KernelPart[];
  /** Side by side too, as many numbers as outputs. */
  readonly biases?: readonly Tensor1D[];
}

/** down(activation(gate(norm x)) · up(norm x)), or without a gate down(activation(up(norm x))), and its own norm if it has one. */
export interface FusedFeedForward {
  readonly norm: FusedNorm;
  /** GELU in its tanh form. */
  readonly activation: "silu" | "gelu";
  readonly gate?: FusedLinear;
  readonly up: FusedLinear;
  readonly down: FusedLinear;
  readonly outNorm?: FusedNorm;
}

/** What sets a block's attention apart. */
export interface FusedAttention {
  readonly block: number;
  /** Tokens that a query sees, itself included. */
  readonly window: number;
  /** Norm of each head before it turns; weights of queries' heads and of keys' side by side. */
  readonly headNorm?: { readonly weight_X: Tensor1D; readonly epsilon: number } | undefined;
}

/** What a block does between two reads of its weights; each tells in its name what it does, in that order. */
export interface FusedOperations {
  normProduct(x_ND: Tensor2D, norm: FusedNorm, linear: FusedLinear): Tensor2D;
  /** y + x·w, or with a norm y + norm(x·w). */
  addProduct(x_NE: Tensor2D, linear: FusedLinear, y_ND: Tensor2D, norm?: FusedNorm): Tensor2D;
  /** x + the feed-forward of x. */
  addFeedForward(x_ND: Tensor2D, feedForward: FusedFeedForward): Tensor2D;
  /** A row's pages with room for new tokens: of those it has all that it may write to, and copies or new ones. */
  growPages(
    shape: FusedShape,
    pages: readonly CachePage[],
    length: number,
    newTokens: number,
  ): readonly CachePage[];
  /** Puts a plan where {@link attend} reads it: once for the blocks of a step, in a tidy that ends with it. */
  place(plan: StepPlan): StepPlan;
  /** Rotates queries and keys, appends keys and values to the pages, and attends over them; all three stand side by side. */
  attend(shape: FusedShape, plan: StepPlan, where: FusedAttention, qkv_NQ: Tensor2D): Tensor2D;
}

/** Where a backend has them, by agreement with @amulet-ts/kernels. */
const agreedKey = Symbol.for("@amulet-ts/stored-kernels");

/** Those of the backend that runs now. */
export function storedKernels(): StoredKernels | undefined {
  return (backend() as { [agreedKey]?: StoredKernels })[agreedKey];
}
