/** Faults that one could make in an optimiser of the step's objective. */
import { ascendMirror } from "../optimisers/mirror-ascent.js";
import { ascendProjected, safeFloor } from "../optimisers/projected-gradient.js";
import { mirrorSubject, projectedSubject } from "../optimisers/subjects.js";
import type { StepProblem } from "../oracles/objective.js";
import type { OptimiserOperations, OptimiserSubject } from "../subject.js";

/** A planted fault. */
export interface OptimiserMutant {
  readonly name: string;
  readonly fault: string;
  /** The name of a law that breaks on it. */
  readonly caughtBy: string;
  readonly subject: OptimiserSubject;
}

/** Mirror ascent with a fault in how it goes, beside what the right one promises. */
function misstep(
  name: string,
  fault: string,
  caughtBy: string,
  ascend: OptimiserOperations["ascend"],
): OptimiserMutant {
  return { name, fault, caughtBy, subject: { ...mirrorSubject(), name, ascend } };
}

const without = (problem: StepProblem, change: Partial<StepProblem>) => ({ ...problem, ...change });

/** All planted faults of optimisers. */
export const optimiserMutants: readonly OptimiserMutant[] = [
  misstep(
    "proximal-term-lost",
    "the gradient lacks the pull to the last iterate",
    "optimiser-ends-at-the-closed-form",
    (problem, logStart) =>
      ascendMirror(without(problem, { proximal: 0 }), { logStart, iterations: 60, pace: 0.5 }).logPolicies,
  ),
  misstep(
    "stops-early",
    "ten steps for sixty",
    "optimiser-ends-at-the-closed-form",
    (problem, logStart) => ascendMirror(problem, { logStart, iterations: 10, pace: 0.5 }).logPolicies,
  ),
  misstep(
    "descends",
    "the gradient with the wrong sign",
    "optimiser-never-falls",
    (problem, logStart) => ascendMirror(problem, { logStart, iterations: 5, pace: -0.5 }).logPolicies,
  ),
  misstep(
    "strides",
    "steps of 2.5/c",
    "optimiser-never-falls",
    (problem, logStart) => ascendMirror(problem, { logStart, iterations: 5, pace: 2.5 }).logPolicies,
  ),
  misstep(
    "limps",
    "steps of 0.4/c where 0.5/c was promised",
    "optimiser-keeps-its-rate",
    (problem, logStart) => ascendMirror(problem, { logStart, iterations: 60, pace: 0.4 }).logPolicies,
  ),
  {
    name: "projects-short",
    fault: "projected gradients with a hundredth of the step",
    caughtBy: "optimiser-keeps-its-rate",
    subject: {
      ...projectedSubject(),
      name: "projects-short",
      ascend: (problem, logStart) => {
        const floor = safeFloor(problem) / 100;
        return ascendProjected(problem, { logStart, iterations: 200, floor }).logPolicies;
      },
    },
  },
];
