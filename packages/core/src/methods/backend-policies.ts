/**
 * A backend's own ways to do what policy.ts and bounded.ts say in tensors, by agreement with @amulet-ts/kernels. What is
 * read and verified is the form in tensors; it is also what runs where a backend has no ways of its own, or has none for
 * these tensors and answers undefined.
 */
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** What a search for a budget's γ may do. */
export interface DriftSearch {
  /** Nats that are not exceeded. */
  readonly limit: number;
  /** Nats that are aimed at. */
  readonly wanted: number;
  readonly largestGamma: number;
  readonly passes: number;
}

/** A policy and the γ of each row, `[B, 1]`. */
export type PolicyWithGamma = { readonly logPolicy_BV: Tensor2D; readonly gamma_B1: Tensor2D };

/** `floor`: numbers further below their row's largest are lifted to it. Arguments are borrowed, results the caller's. */
interface BackendPolicies {
  normalise(logits_BV: Tensor2D, floor: number): Tensor2D | undefined;
  extrapolate(
    logBase_BV: Tensor2D,
    logPreference_BV: Tensor2D,
    gamma: number | Tensor2D,
    floor: number,
  ): Tensor2D | undefined;
  extrapolateWithin(
    logBase_BV: Tensor2D,
    logPreference_BV: Tensor2D,
    search: DriftSearch,
    floor: number,
  ): PolicyWithGamma | undefined;
  /** The first of each row's largest, and that number, NaN where any of the row is. */
  best(
    logPolicy_BV: Tensor2D,
  ): { readonly column_B: Tensor1D; readonly logProbability_B: Tensor1D } | undefined;
}

const agreedKey = Symbol.for("@amulet-ts/stored-kernels");

/** Undefined where the backend has none. */
export function backendPolicies(): BackendPolicies | undefined {
  const kernels = (tf.backend() as { [agreedKey]?: { readonly policies?: BackendPolicies } })[agreedKey];
  return kernels?.policies;
}
