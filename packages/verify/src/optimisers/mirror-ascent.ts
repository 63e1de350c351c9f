/** Exponentiated gradient: mirror ascent on the simplex under the entropy (Kivinen & Warmuth 1997). */
import { logSoftmax, tabulate } from "../oracles/distribution.js";
import { curvature, objectiveGradient, type StepProblem } from "../oracles/objective.js";
import type { Convergence, OptimiserRun } from "./convergence.js";

/**
 * π ← π exp(s ∇F(π)) / Z with s = pace / c. Since ∇F falls with slope c in log π, every log-odds error shrinks
 * by exactly |1 − pace| a step, so that pace in (0, 2) converges and pace ≤ 1 does so monotonically.
 *
 * @param run.pace step size in units of 1/c
 */
export function ascendMirror(
  problem: StepProblem,
  run: OptimiserRun & { readonly pace: number },
): Convergence {
  const size = run.pace / curvature(problem);
  const logPolicies = [logSoftmax(run.logStart)];
  for (let i = 0; i < run.iterations; i++) {
    const logPolicy = logPolicies.at(-1)!;
    const gradient = objectiveGradient(problem, logPolicy);
    logPolicies.push(logSoftmax(tabulate(logPolicy.length, (a) => logPolicy[a]! + size * gradient[a]!)));
  }
  return { logPolicies };
}
