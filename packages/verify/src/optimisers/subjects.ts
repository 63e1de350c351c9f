/** The optimisers with what their theories promise, as the laws judge them. */
import { logSumExp, type Row } from "../oracles/distribution.js";
import { curvature, type StepProblem } from "../oracles/objective.js";
import type { OptimiserOperations, OptimiserSubject, Rate } from "../subject.js";
import { ascendByAutodiff } from "./autodiff.js";
import { solveDual } from "./dual-newton.js";
import { ascendMirror } from "./mirror-ascent.js";
import { ascendProjected, safeFloor } from "./projected-gradient.js";

/** F and its terms are of order 10 for mild problems: eight roundings of that. */
const objectiveRounding = 1e-14;

const float64 = { unitRoundoff: 2 ** -53, closeness: () => 1e-12 };

/** max − min of log π − log π*: an error of log-odds. */
function logOddsDistance(left: Row, right: Row): number {
  const gaps = Float64Array.from(left, (value, a) => value - right[a]!);
  return Math.max(...gaps) - Math.min(...gaps);
}

/** Mirror ascent at a pace in (0, 1]: every log-odds error shrinks by 1 − pace a step. */
export function mirrorSubject(pace = 0.5): OptimiserSubject & OptimiserOperations {
  return {
    name: `mirror ascent, pace ${pace}`,
    ...float64,
    ascend: (problem, logStart) => ascendMirror(problem, { logStart, iterations: 60, pace }).logPolicies,
    roundingOfAscent: () => objectiveRounding,
    rate: (_, target) => ({
      distance: (iterate) => logOddsDistance(iterate, target),
      next: (distance) => (1 - pace) * distance,
      rounding: 1e-14,
    }),
  };
}

/** Projected gradients: the squared distance shrinks by 1 − floor a step, the floor being that of probabilities. */
export function projectedSubject(): OptimiserSubject & OptimiserOperations {
  return {
    name: "projected gradient",
    ...float64,
    ascend: (problem, logStart) => {
      const floor = safeFloor(problem);
      // From a squared distance of 2 to one of 1e-26.
      const iterations = Math.ceil(Math.log(2e26) / floor);
      return ascendProjected(problem, { logStart, iterations, floor }).logPolicies;
    },
    roundingOfAscent: () => objectiveRounding,
    rate: (problem, target) => ({
      distance: (iterate) => squaredDistance(iterate, target),
      next: (distance) => (1 - safeFloor(problem)) * distance,
      // Squares of the few 2^-53 that remain of each entry at the maximiser.
      rounding: 1e-30,
    }),
  };
}

function squaredDistance(left: Row, right: Row): number {
  return Float64Array.from(left).reduce((sum, v, a) => sum + (Math.exp(v) - Math.exp(right[a]!)) ** 2, 0);
}

/** Newton on the dual: the logarithm of the excess mass becomes at most half its square. It has no start. */
export function dualSubject(): OptimiserSubject & Omit<OptimiserOperations, "roundingOfAscent"> {
  return {
    name: "Newton on the dual",
    ...float64,
    ascend: (problem) => solveDual(problem).logPolicies,
    rate: (): Rate => ({
      distance: (iterate) => Math.abs(logSumExp(iterate)),
      next: (distance) => distance ** 2 / 2,
      rounding: 1e-14,
    }),
  };
}

/** tf.train's Adam on the active backend, in float32. It promises an end and no path. */
export function adamSubject(): OptimiserSubject & Pick<OptimiserOperations, "ascend" | "closeness"> {
  return {
    name: "Adam by automatic differentiation",
    unitRoundoff: 2 ** -24,
    closeness: () => 1e-4,
    ascend: async (problem, start) => [
      start,
      await ascendByAutodiff(problem, { optimiser: "adam", stages: adamRun, start }),
    ],
  };
}

const adamRun = [0.3, 0.03, 0.003, 0.0003].map((learningRate) => ({ learningRate, steps: 100 }));

/**
 * Gradient descent on θ, π = softmax(θ), at the learning rate 1/L. F∘softmax is smooth with
 * L = 5/2 · the range of its linear part + (4 + 8 log V) times its curvature (Mei et al. 2020, lemmas 2 and 14).
 */
export function descentSubject(): OptimiserSubject &
  Pick<OptimiserOperations, "ascend" | "roundingOfAscent"> {
  return {
    name: "gradient descent by automatic differentiation",
    unitRoundoff: 2 ** -24,
    // The gradient and the policy read back carry float32's roundings of terms of order 10.
    roundingOfAscent: () => 1e-5,
    ascend: async (problem, start) => {
      const path: Float64Array[] = [];
      const stages = [{ learningRate: 1 / smoothness(problem), steps: 25 }];
      const onStep = ({ logPolicy }: { logPolicy: Float64Array }) => path.push(logPolicy);
      path.push(await ascendByAutodiff(problem, { optimiser: "sgd", stages, start, onStep }));
      return path;
    },
  };
}

function smoothness(problem: StepProblem): number {
  const { meanUtility, logReference, logCurrent, lambda, proximal } = problem;
  const linear = Float64Array.from(
    meanUtility,
    (utility, a) => utility + lambda * logReference[a]! + proximal * logCurrent[a]!,
  );
  const range = Math.max(...linear) - Math.min(...linear);
  return 2.5 * range + curvature(problem) * (4 + 8 * Math.log(meanUtility.length));
}
