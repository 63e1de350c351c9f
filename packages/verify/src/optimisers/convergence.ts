/** What an iterative optimiser of the step's objective leaves behind. */
import type { Row } from "../oracles/distribution.js";

/** Iterates in order, the start included. */
export interface Convergence {
  /** log π after 0, 1, 2 … iterations. */
  readonly logPolicies: readonly Float64Array[];
}

/** Where it ended. */
export function lastPolicy({ logPolicies }: Convergence): Float64Array {
  return logPolicies.at(-1)!;
}

/** A start and how long to go on. */
export interface OptimiserRun {
  /** log π_0; every token that may occur must have some probability. */
  readonly logStart: Row;
  readonly iterations: number;
}
