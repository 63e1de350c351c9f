/**
 * Rotary position embedding (Su et al., arXiv 2104.09864), in the half-split layout of Hugging Face: channel j
 * turns together with channel j + K/2. Angles are computed on the host in float64: a GPU's own sine and cosine
 * cost two digits of the logits.
 */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { add, matMul, mul } from "./direct.js";

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
    };

/**
 * Radians per position of each of the K/2 channel pairs.
 *
 * @param divisors what llama.cpp stores in place of Llama 3.1's scaling: one for each frequency
 */
export function rotaryFrequencies(
  headWidth: number,
  base: number,
  scaling: RopeScaling,
  divisors?: ArrayLike<number>,
): Float64Array {
  const scaled = scaledFrequencies(headWidth, base, scaling);
  return divisors ? scaled.map((frequency, j) => frequency / divisors[j]!) : scaled;
}

function scaledFrequencies(headWidth: number, base: number, scaling: RopeScaling): Float64Array {
  const plain = Float64Array.from({ length: headWidth / 2 }, (_, j) => base ** ((-2 * j) / headWidth));
  switch (scaling.type) {
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "llama3":
      return plain.map((frequency) => stretchLowFrequency(frequency, scaling));
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

/** Cosines and sines for each head of N tokens: `[Y, K]` each, Y = N·A, A heads of any kind. */
export interface RotaryTables {
  readonly cos_YK: Tensor2D;
  readonly sin_YK: Tensor2D;
}

/**
 * @param positions position of each of the N tokens in its own row
 * @param heads how many heads of a token turn
 */
export function rotaryTables(
  positions: readonly number[],
  heads: number,
  frequencies: Float64Array,
): RotaryTables {
  const half = frequencies.length;
  const width = 2 * half;
  const cos = new Float32Array(positions.length * heads * width);
  const sin = new Float32Array(cos.length);
  for (const [n, position] of positions.entries()) {
    const first = n * heads * width;
    for (let j = 0; j < half; j++) {
      const angle = position * frequencies[j]!;
      cos[first + j] = cos[first + j + half] = Math.cos(angle);
      sin[first + j] = sin[first + j + half] = Math.sin(angle);
    }
    for (let head = 1; head < heads; head++) {
      cos.copyWithin(first + head * width, first, first + width);
      sin.copyWithin(first + head * width, first, first + width);
    }
  }
  const shape: [number, number] = [positions.length * heads, width];
  return { cos_YK: tf.tensor2d(cos, shape), sin_YK: tf.tensor2d(sin, shape) };
}

/**
 * Hugging Face's `rotate_half`, (a, b) → (−b, a) of every channel pair, as a `[K, K]` matrix of 0 and ±1: one exact product
 * instead of two slices, a negation and a concatenation.
 */
export function rotateHalfMatrix(headWidth: number): Tensor2D {
  const half = headWidth / 2;
  const matrix = new Float32Array(headWidth * headWidth);
  for (let j = 0; j < half; j++) {
    matrix[(j + half) * headWidth + j] = -1;
    matrix[j * headWidth + j + half] = 1;
  }
  return tf.tensor2d(matrix, [headWidth, headWidth]);
}

/** Turns heads by their tokens' positions: `[Y, K]` → `[Y, K]`. */
export function applyRotary(
  x_YK: Tensor2D,
  { cos_YK, sin_YK }: RotaryTables,
  rotateHalf_KK: Tensor2D,
): Tensor2D {
  return add(mul(x_YK, cos_YK), mul(matMul(x_YK, rotateHalf_KK), sin_YK));
}
