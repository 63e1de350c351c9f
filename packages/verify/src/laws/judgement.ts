/** What a law finds in one case. */
import type { Row } from "../oracles/distribution.js";

/** What one case showed. The law holds for it when error ≤ tolerance and both are finite. */
export interface Judgement {
  readonly error: number;
  readonly tolerance: number;
  /** What should have come out and what did, for people to read; the verdict is the error's. */
  readonly compared?: Compared;
}

/** Two results side by side. */
export interface Compared {
  readonly expected: Value;
  readonly got: Value;
  /** What these are: "log-policy", "x", "logits at position 2". */
  readonly what: string;
  /** The entry that is furthest off, of a row. */
  readonly entry?: number;
}

/** A number, a row of them, or anything else in words. */
export type Value = number | Row | string;

/** Whether the law holds for the case. A tolerance without limit would forgive everything, so it forgives nothing. */
export function holds({ error, tolerance }: Judgement): boolean {
  return Number.isFinite(tolerance) && error <= tolerance;
}

/**
 * Error in units of its tolerance; NaN, and whatever is held to no finite tolerance, counts as boundless. An exact law
 * (tolerance 0) is strained so by any error.
 */
export function strain({ error, tolerance }: Judgement): number {
  if (Number.isNaN(error) || !Number.isFinite(tolerance)) return Number.POSITIVE_INFINITY;
  return error === 0 ? 0 : error / tolerance;
}
