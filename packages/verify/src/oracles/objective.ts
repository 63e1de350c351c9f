/**
 * What one online-learning step of Amulet maximises over the probability simplex (paper, eq. 6, divided by t):
 *
 *     F(π) = ⟨ū, π⟩ − λ KL(π ‖ π_1) − (1/(ηt)) KL(π ‖ π_t)
 *
 * Nothing here knows the maximiser.
 */
import { expectation, kl, type Row, tabulate } from "./distribution.js";

/** One step's problem, with the numbers that it depends on and no others. */
export interface StepProblem {
  /** ū_t(a): mean of the utilities seen so far. */
  readonly meanUtility: Row;
  /** log π_1, the preference policy. */
  readonly logReference: Row;
  /** log π_t, the iterate that the step starts from. */
  readonly logCurrent: Row;
  /** λ: weight of the pull to the reference. */
  readonly lambda: number;
  /** 1/(ηt): weight of the pull to the current iterate. */
  readonly proximal: number;
}

/** c = λ + 1/(ηt): the curvature of F, which is c-strongly concave in the 1-norm (Pinsker). */
export function curvature({ lambda, proximal }: StepProblem): number {
  return lambda + proximal;
}

/** F(π). */
export function objective(problem: StepProblem, logPolicy: Row): number {
  const { meanUtility, logReference, logCurrent, lambda, proximal } = problem;
  const reward = expectation(logPolicy, (a) => meanUtility[a]!);
  return reward - lambda * kl(logPolicy, logReference) - proximal * kl(logPolicy, logCurrent);
}

/** ∂F/∂π(a) = ū(a) − λ (log π(a) − log π_1(a) + 1) − (1/(ηt)) (log π(a) − log π_t(a) + 1). */
export function objectiveGradient(problem: StepProblem, logPolicy: Row): Float64Array {
  const { meanUtility, logReference, logCurrent, lambda, proximal } = problem;
  return tabulate(logPolicy.length, (a) => {
    const toReference = logPolicy[a]! - logReference[a]! + 1;
    const toCurrent = logPolicy[a]! - logCurrent[a]! + 1;
    return meanUtility[a]! - lambda * toReference - proximal * toCurrent;
  });
}

/**
 * ∂F/∂θ(a) for π = softmax(θ): π(a) (g(a) − ⟨g, π⟩). It vanishes exactly where the gradient is the same number
 * for every token that can occur, which is the first-order condition on the simplex.
 */
export function logitGradient(problem: StepProblem, logPolicy: Row): Float64Array {
  const gradient = objectiveGradient(problem, logPolicy);
  const mean = expectation(logPolicy, (a) => gradient[a]!);
  return tabulate(logPolicy.length, (a) => {
    const p = Math.exp(logPolicy[a]!);
    return p === 0 ? 0 : p * (gradient[a]! - mean);
  });
}
