/** Several claims at once. */
import { EvaluationError } from "../errors.js";

/**
 * Holm's adjusted p-values (1979): claim each whose adjusted value is below the level, and the probability of any false
 * claim is below it, however the tests depend on each other.
 *
 * @returns in the order of the arguments
 */
export function holm(ps: readonly number[]): number[] {
  const bad = ps.findIndex((p) => !(p >= 0 && p <= 1));
  if (bad >= 0)
    throw new EvaluationError(
      "bad-statistics",
      `A p-value lies between 0 and 1; number ${bad} is ${ps[bad]}.`,
    );
  const order = ps.map((_, i) => i).sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = ps.map(() => 0);
  let largest = 0;
  for (const [rank, i] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (ps.length - rank) * ps[i]!));
    adjusted[i] = largest;
  }
  return adjusted;
}
