/** Newton's method on the Lagrangian dual: one unknown, the price ν of probability mass. */
import { largest, sumOver, tabulate } from "../oracles/distribution.js";
import { curvature, objectiveGradient, type StepProblem } from "../oracles/objective.js";

/** The dual's answer, with its path. */
export interface DualSolution {
  readonly logPolicy: Float64Array;
  /** log π_ν at every iterate, not normalised. */
  readonly logPolicies: readonly Float64Array[];
  /** Σ_a π_ν(a) at every iterate: at least 1, falling to 1, quadratically at the end. */
  readonly masses: readonly number[];
}

/**
 * For a price ν the Lagrangian F(π) − ν (Σπ − 1) is largest at log π_ν(a) = (b(a) − ν)/c − 1, with b the gradient
 * at log π = 0 plus c. The dual ν + c Σ_a π_ν(a) is convex with derivative 1 − Σπ_ν; Newton's step is
 * c (1 − 1/Σπ_ν). From the price at which the likeliest token alone has mass 1, it rises to the root and never
 * passes it.
 */
export function solveDual(problem: StepProblem, iterations = 100): DualSolution {
  const c = curvature(problem);
  const size = problem.logReference.length;
  const gradientAtOne = objectiveGradient(problem, new Float64Array(size));
  const logPolicyAt = (price: number) => tabulate(size, (a) => (gradientAtOne[a]! - price) / c);
  const masses: number[] = [];
  const logPolicies: Float64Array[] = [];
  let price = largest(gradientAtOne);
  for (let i = 0; i < iterations; i++) {
    const logPolicy = logPolicyAt(price);
    const mass = sumOver(size, (a) => Math.exp(logPolicy[a]!));
    masses.push(mass);
    logPolicies.push(logPolicy);
    const next = price + c * (1 - 1 / mass);
    if (!(next > price)) break;
    price = next;
  }
  return { logPolicy: logPolicyAt(price), logPolicies, masses };
}
