/**
 * Amulet as the paper states it, in float64 and without any shortcut: every utility of every step is kept, and
 * each mean is summed anew. Slow and obvious, so that it can judge what is neither.
 *
 * Support: a token that the preference policy cannot produce stays impossible (KL(π ‖ π_1) is infinite
 * otherwise), whatever its utility. A token that only the base policy cannot produce has infinite utility; the
 * problem then has no maximiser, and the result here is NaN.
 */
import { logSoftmax, type Row, sumOver, tabulate } from "./distribution.js";
import type { StepProblem } from "./objective.js";

/** The paper's letters: T, α, λ, η. */
export interface AmuletParameters {
  readonly iterations: number;
  readonly alpha: number;
  readonly lambda: number;
  readonly eta: number;
}

/** The paper's settings. */
export const paperParameters: AmuletParameters = Object.freeze({
  iterations: 60,
  alpha: 2,
  lambda: 2,
  eta: 10,
});

/**
 * The maximiser of the step's objective (paper, eq. 7):
 * log π(a) = [ū(a) + λ log π_1(a) + (1/(ηt)) log π_t(a)] / (λ + 1/(ηt)) − log Z.
 */
export function closedForm(problem: StepProblem): Float64Array {
  const { meanUtility, logReference, logCurrent, lambda, proximal } = problem;
  const scores = tabulate(logReference.length, (a) => {
    if (logReference[a] === Number.NEGATIVE_INFINITY) return Number.NEGATIVE_INFINITY;
    return (meanUtility[a]! + lambda * logReference[a]! + proximal * logCurrent[a]!) / (lambda + proximal);
  });
  return logSoftmax(scores);
}

/** Everything that the loop went through. */
export interface LoopHistory {
  /** log π_1 … log π_{T+1}. */
  readonly logPolicies: readonly Float64Array[];
  /** u_1 … u_T. */
  readonly utilities: readonly Float64Array[];
}

/** T steps from the preference policy; every iterate and every utility is kept. */
export function runLoop(logBase: Row, logPreference: Row, parameters: AmuletParameters): LoopHistory {
  const { iterations, alpha, lambda, eta } = parameters;
  const logReference = logSoftmax(logPreference);
  const logStart = logSoftmax(logBase);
  const logPolicies = [logReference];
  const utilities: Float64Array[] = [];
  for (let t = 1; t <= iterations; t++) {
    const logCurrent = logPolicies.at(-1)!;
    utilities.push(tabulate(logCurrent.length, (a) => alpha * (logCurrent[a]! - logStart[a]!)));
    const meanUtility = meanOf(utilities);
    logPolicies.push(closedForm({ meanUtility, logReference, logCurrent, lambda, proximal: 1 / (eta * t) }));
  }
  return { logPolicies, utilities };
}

/** log π_{T+1}, by the loop. */
export function amulet(logBase: Row, logPreference: Row, parameters: AmuletParameters): Float64Array {
  return runLoop(logBase, logPreference, parameters).logPolicies.at(-1)!;
}

/** Mean of rows, token by token. */
export function meanOf(rows: readonly Row[]): Float64Array {
  return tabulate(rows[0]!.length, (a) => sumOver(rows.length, (i) => rows[i]![a]!) / rows.length);
}

/**
 * log π ∝ log π_pref + γ (log π_pref − log π_base): classifier-free guidance, Linear Alignment, Context
 * Steering, and what T steps of Amulet collapse to. Support as for the loop.
 */
export function tilt(logBase: Row, logPreference: Row, gamma: number): Float64Array {
  const scores = tabulate(logPreference.length, (a) => {
    if (logPreference[a] === Number.NEGATIVE_INFINITY) return Number.NEGATIVE_INFINITY;
    return logPreference[a]! + gamma * (logPreference[a]! - logBase[a]!);
  });
  return logSoftmax(scores);
}
