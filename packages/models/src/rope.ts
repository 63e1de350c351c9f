/**
 * Rotary position embedding (Su et al., arXiv 2104.09864), in the half-split layout of Hugging Face: channel j
 * turns together with channel j + K/2. Angles are computed on the host in float64: a GPU's own sine and cosine
 * cost two digits of the logits.
 */

import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** How the frequencies of a longer context are stretched; the names are those of Hugging Face's `rope_type`. */
export type RopeScaling =
  | { readonly type: "default" }
  | { readonly type: "linear"; readonly factor: number }
  | { readonly type: "dynamic"; readonly factor: number; readonly originalContext: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContext: number;
    }
  /** What llama.cpp stores for the same purpose: one divisor per frequency. */
  | { readonly type: "divisors"; readonly divisors: ArrayLike<number> };

/** Radians per position of each of the K/2 channel pairs. */
export function rotaryFrequencies(headWidth: number, base: number, scaling: RopeScaling): Float64Array {
  const plain = Float64Array.from({ length: headWidth / 2 }, (_, j) => base ** ((-2 * j) / headWidth));
  switch (scaling.type) {
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "llama3":
      return plain.map((frequency) => stretchLowFrequency(frequency, scaling));
    case "divisors":
      return plain.map((frequency, j) => frequency / scaling.divisors[j]!);
    // Dynamic scaling leaves positions inside the original context alone, and sessions do not go past it:
    // changing the base under keys that are already cached would make steps differ from prefill.
    case "dynamic":
    case "default":
      return plain;
  }
}

/** Llama 3.1: wavelengths beyond the original context are divided by `factor`, short ones kept, a ramp between. */
function stretchLowFrequency(frequency: number, scaling: Extract<RopeScaling, { type: "llama3" }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling;
  const turns = (originalContext * frequency) / (2 * Math.PI);
  if (turns < low) return frequency / factor;
  if (turns > high) return frequency;
  const ramp = (turns - low) / (high - low);
  return ((1 - ramp) * frequency) / factor + ramp * frequency;
}

/** Position in its own row of each of the N new tokens. */
export function batchPositions(
  lengths: readonly number[],
  caches: readonly { readonly length: number }[],
): number[] {
  return lengths.flatMap((length, b) => Array.from({ length }, (_, t) => caches[b]!.length + t));
}

/** Cosines and sines for N tokens, ready to broadcast over heads: `[N, 1, K]` each. */
export interface RotaryTables {
  readonly cos_N1K: Tensor3D;
  readonly sin_N1K: Tensor3D;
}

/** @param positions position of each of the N tokens in its own row */
export function rotaryTables(positions: readonly number[], frequencies: Float64Array): RotaryTables {
  const half = frequencies.length;
  const cos = new Float32Array(positions.length * half * 2);
  const sin = new Float32Array(cos.length);
  for (const [n, position] of positions.entries()) {
    for (let j = 0; j < half; j++) {
      const angle = position * frequencies[j]!;
      const at = n * half * 2 + j;
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at] = sin[at + half] = Math.sin(angle);
    }
  }
  const shape: [number, number, number] = [positions.length, 1, half * 2];
  return { cos_N1K: tf.tensor3d(cos, shape), sin_N1K: tf.tensor3d(sin, shape) };
}

/**
 * The quarter turn (a, b) → (−b, a) of every channel pair as a `[K, K]` matrix of 0 and ±1: one exact product
 * instead of two slices, a negation and a concatenation.
 */
export function quarterTurn(headWidth: number): Tensor2D {
  const half = headWidth / 2;
  const matrix = new Float32Array(headWidth * headWidth);
  for (let j = 0; j < half; j++) {
    matrix[(j + half) * headWidth + j] = -1;
    matrix[j * headWidth + j + half] = 1;
  }
  return tf.tensor2d(matrix, [headWidth, headWidth]);
}

/** Turns the heads of N tokens by their positions: `[N, A, K]` → `[N, A, K]`, A heads of any kind. */
export function rotate(
  x_NAK: Tensor3D,
  { cos_N1K, sin_N1K }: RotaryTables,
  quarterTurn_KK: Tensor2D,
): Tensor3D {
  const [N, A, K] = x_NAK.shape;
  const turned_NAK = tf.reshape(tf.matMul(tf.reshape(x_NAK, [N * A, K]), quarterTurn_KK), [N, A, K]);
  return tf.add(tf.mul(x_NAK, cos_N1K), tf.mul(turned_NAK, sin_N1K));
}
