/** Projected gradient ascent in Euclidean geometry, kept off the boundary where the gradient is infinite. */
import { probabilities, type Row, sumOver, tabulate } from "../oracles/distribution.js";
import { curvature, objectiveGradient, type StepProblem } from "../oracles/objective.js";
import type { Convergence, OptimiserRun } from "./convergence.js";

/**
 * π ← P(π + ∇F(π)/L) on {π ≥ floor, Σπ = 1}, where F is c-strongly concave and its gradient L-Lipschitz with
 * L = c/floor. The squared distance to the maximiser shrinks by at least 1 − c/L = 1 − floor a step, and F never
 * falls (Nesterov 2004, theorem 2.2.8).
 *
 * @param run.floor a probability below every one of the maximiser's
 */
export function ascendProjected(
  problem: StepProblem,
  run: OptimiserRun & { readonly floor: number },
): Convergence {
  const size = run.floor / curvature(problem);
  let policy = projectToSimplex(probabilities(run.logStart), run.floor);
  const logPolicies = [policy.map(Math.log)];
  for (let i = 0; i < run.iterations; i++) {
    const gradient = objectiveGradient(problem, logPolicies.at(-1)!);
    policy = projectToSimplex(
      tabulate(policy.length, (a) => policy[a]! + size * gradient[a]!),
      run.floor,
    );
    logPolicies.push(policy.map(Math.log));
  }
  return { logPolicies };
}

/**
 * The nearest point, in the 2-norm, with every entry at least `floor` and the sum 1: max(point − shift, floor)
 * with the one shift that makes it so, found by sorting (Held, Wolfe & Crowder 1974).
 */
export function projectToSimplex(point: Row, floor: number): Float64Array {
  const free = 1 - floor * point.length;
  const raised = tabulate(point.length, (a) => point[a]! - floor);
  const descending = raised.toSorted().reverse();
  let shift = 0;
  let sum = 0;
  for (let count = 1; count <= descending.length; count++) {
    sum += descending[count - 1]!;
    const candidate = (sum - free) / count;
    if (descending[count - 1]! > candidate) shift = candidate;
  }
  const projected = raised.map((value) => Math.max(value - shift, 0) + floor);
  const total = sumOver(projected.length, (a) => projected[a]!);
  return projected.map((value) => value / total);
}

/**
 * A floor that needs no maximiser: its probabilities are proportional to exp(b/c) for the problem's data b, so
 * none is below exp(−(max b − min b)/c)/V. Half of that leaves it strictly inside.
 */
export function safeFloor(problem: StepProblem): number {
  const uniform = new Float64Array(problem.logReference.length);
  const pull = objectiveGradient(problem, uniform);
  const spread = Math.max(...pull) - Math.min(...pull);
  return Math.exp(-spread / curvature(problem)) / (2 * uniform.length);
}
