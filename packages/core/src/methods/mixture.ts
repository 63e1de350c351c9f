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
 * Adds up finite rows: `[B, R]` coefficients times `[R, V]`. A row of zeros and a single one is that row, exactly, and is
 * copied: on the wasm backend a product packs the whole matrix first, which takes ten times as long.
 *
 * @returns `[B, V]`; the caller owns it
 */
export function mixRows(logs_RV: Tensor2D, coefficients: readonly (readonly number[])[]): Tensor2D {
  const [R] = logs_RV.shape;
  if (isIdentity(coefficients, R)) return tf.clone(logs_RV);
  const chosen = coefficients.map(onlyRow);
  return tf.tidy(() => {
    if (chosen.every((row) => row !== undefined)) return copyRows(logs_RV, chosen);
    const coefficients_BR = tf.tensor2d(coefficients.flat(), [coefficients.length, R]);
    return tf.matMul(coefficients_BR, logs_RV);
  });
}

/** The row that these coefficients are 1 for, where they are 0 for all others. */
function onlyRow(coefficients_R: readonly number[]): number | undefined {
  const taken = coefficients_R.flatMap((value, row) => (value === 0 ? [] : [row]));
  return taken.length === 1 && coefficients_R[taken[0]!] === 1 ? taken[0] : undefined;
}

function copyRows(logs_RV: Tensor2D, rows: readonly number[]): Tensor2D {
  const V = logs_RV.shape[1];
  const copies = rows.map((row) => tf.slice(logs_RV, [row, 0], [1, V]));
  return copies.length === 1 ? copies[0]! : (tf.concat(copies, 0) as Tensor2D);
}

function isIdentity(rows: readonly (readonly number[])[], size: number): boolean {
  return rows.length === size && rows.every((row, i) => row.every((value, j) => value === Number(i === j)));
}
