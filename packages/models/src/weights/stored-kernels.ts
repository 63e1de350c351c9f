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

/** The type in which kernels hold a weight: its file's, and float32 where they don't multiply that one. */
export function heldType({ storedTypes }: StoredKernels, type: string): string {
  return storedTypes.includes(type) ? type : "F32";
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

/** x + attention(norm x), and then x + its feed-forward. */
export interface FusedBlock {
  readonly attentionNorm: FusedNorm;
  /** Queries, keys and values side by side: Q outputs. */
  readonly qkv: FusedLinear;
  /** Norm of each head before it turns; weights of queries' heads and of keys' side by side. */
  readonly headNorm?: { readonly weight_X: Tensor1D; readonly epsilon: number } | undefined;
  /** Tokens that a query sees, itself included. */
  readonly window: number;
  readonly out: FusedLinear;
  /** Of what attention gives. */
  readonly outNorm?: FusedNorm | undefined;
  readonly feedForward: FusedFeedForward;
}

/** What a pass does where kernels hold all weights. */
export interface FusedOperations {
  /** Puts norms' weights and biases where passes read them, once for all passes; they go with the weights. */
  hold(blocks: readonly FusedBlock[], norm: FusedNorm, head: FusedLinear): void;
  normProduct(x_ND: Tensor2D, norm: FusedNorm, linear: FusedLinear): Tensor2D;
  /** A row's pages with room for new tokens: of those it has all that it may write to, and copies or new ones. */
  growPages(
    shape: FusedShape,
    pages: readonly CachePage[],
    length: number,
    newTokens: number,
  ): readonly CachePage[];
  /**
   * All blocks: each writes keys and values of the new tokens to the pages.
   *
   * @param plans of each block; those that turn their heads alike share one
   */
  runBlocks(
    shape: FusedShape,
    blocks: readonly FusedBlock[],
    plans: readonly StepPlan[],
    x_ND: Tensor2D,
  ): Tensor2D;
}

/** Where a backend has them, by agreement with @amulet-ts/kernels. */
const agreedKey = Symbol.for("@amulet-ts/stored-kernels");

/** Those of the backend that runs now. */
export function storedKernels(): StoredKernels | undefined {
  return (backend() as { [agreedKey]?: StoredKernels })[agreedKey];
}
