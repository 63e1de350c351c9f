/** Rows of log-policies, added up with coefficients. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/**
 * What log π_1 = log π_base + Σ_k w_k (log π_k − log π_base) takes of each log-policy, before normalising:
 * 1 − Σ_k w_k of the base policy, w_k of the k-th preference.
 *
 * @returns one coefficient more than there are weights; they add up to 1
 */
export function preferenceCoefficients(weights: readonly number[]): number[] {
  return [1 - weights.reduce((sum, weight) => sum + weight, 0), ...weights];
}

/**
 * Adds up finite rows: `[B, R]` coefficients times `[R, V]`. A row of zeros and a single one is that row, exactly.
 * As a product, since on the wasm backend a slice copies the whole matrix and a gather walks it element by element.
 *
 * @returns `[B, V]`; the caller owns it
 */
export function mixRows(logs_RV: Tensor2D, coefficients: readonly (readonly number[])[]): Tensor2D {
  const [R] = logs_RV.shape;
  if (isIdentity(coefficients, R)) return tf.clone(logs_RV);
  return tf.tidy(() => {
    const coefficients_BR = tf.tensor2d(coefficients.flat(), [coefficients.length, R]);
    return tf.matMul(coefficients_BR, logs_RV);
  });
}

function isIdentity(rows: readonly (readonly number[])[], size: number): boolean {
  return rows.length === size && rows.every((row, i) => row.every((value, j) => value === Number(i === j)));
}
