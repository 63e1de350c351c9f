import type { Tensor2D } from "@tensorflow/tfjs-core";

/**
 * A matrix of a model: the one type by which families multiply and look up. How its numbers lie, in which order and
 * precision, in one piece or several, is its own affair.
 *
 * N: rows of activations, or ids · I: numbers that go into a product · O: numbers that come out, in an embedding and a
 * head the vocabulary.
 */
export interface Weight {
  /** I. */
  readonly inputs: number;
  /** O. */
  readonly outputs: number;
  /** How its numbers are held, in the words of files: `F32`, `BF16`, `Q4_K`. */
  readonly storedType: string;
  /** What it holds, a backend's own copies not counted. */
  readonly bytes: number;
  /** What each product of two numbers may be off by, as a share of it, where it is not float32's. Default: 0. */
  readonly productError?: number | undefined;
  /** The product `[N, I]` → `[N, O]`. */
  multiply(x_NI: Tensor2D): Tensor2D;
  /** Of each output that is named the I numbers that make it, `[N, I]`: an embedding's rows, by their tokens. */
  lookUp(ids_N: Int32Array): Tensor2D;
  dispose(): void;
  /** What kernels hold of it, where they hold all of it; they alone look inside. */
  readonly kernelParts?: readonly KernelPart[] | undefined;
}

/** A weight, or a part of one, in the memory of kernels. */
export type KernelPart = object;
