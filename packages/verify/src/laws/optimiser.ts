/** Laws of what maximises a step's objective without the closed form: where it ends, how it gets there, how fast. */
import { mildStart } from "../arbitraries/steps.js";
import { kl, logSoftmax, type Row, totalVariation } from "../oracles/distribution.js";
import { curvature, objective } from "../oracles/objective.js";
import type { OptimiserOperations } from "../subject.js";
import type { Judgement } from "./judgement.js";
import { defineOptimiserLaw, type Law } from "./law.js";
import { compareNumbers, worstOf } from "./tolerance.js";

const converges = defineOptimiserLaw({
  name: "optimiser-ends-at-the-closed-form",
  statement: "From any start the optimiser ends at the step's closed form.",
  needs: ["ascend", "closeness"],
  cases: mildStart,
  async judge(subject, { problem, logStart, target }) {
    const iterates = await subject.ascend(problem, logStart);
    const end = logSoftmax(iterates.at(-1) ?? []);
    const compared = { what: "log-policy at the end", expected: target, got: end };
    return { error: totalVariation(end, target), tolerance: subject.closeness(problem), compared };
  },
});

const rises = defineOptimiserLaw({
  name: "optimiser-never-falls",
  statement: "The objective rises at every step, and its gap to the maximum is (λ + 1/(ηt)) KL(π ‖ π*).",
  needs: ["ascend", "roundingOfAscent"],
  cases: mildStart,
  async judge(subject, { problem, logStart, target }) {
    const path = (await subject.ascend(problem, logStart)).map((iterate) => logSoftmax(iterate));
    const values = path.map((logPolicy) => objective(problem, logPolicy));
    const tolerance = subject.roundingOfAscent(problem);
    const falls = values.slice(1).map((value, k): Judgement => {
      const before = values[k]!;
      const compared = { what: `objective after step ${k + 1}`, expected: `at least ${before}`, got: value };
      return { error: Number.isNaN(value) ? value : Math.max(0, before - value), tolerance, compared };
    });
    const top = objective(problem, target);
    const gaps = path.map((logPolicy, k) => {
      const gap = curvature(problem) * kl(logPolicy, target);
      return compareNumbers(`gap to the maximum at step ${k}`, top - values[k]!, gap, 1e-12);
    });
    return worstOf([...falls, ...gaps]);
  },
});

const keepsItsRate = defineOptimiserLaw({
  name: "optimiser-keeps-its-rate",
  statement: "Every step leaves no more of the distance to the maximiser than the theory allows.",
  needs: ["ascend", "rate"],
  cases: mildStart,
  async judge(subject, { problem, logStart, target }) {
    const { distance, next, rounding } = subject.rate(problem, target);
    const distances = (await subject.ascend(problem, logStart)).map((iterate: Row) => distance(iterate));
    return worstOf(
      distances.slice(1).map((left, k): Judgement => {
        const allowed = next(distances[k]!);
        const compared = { what: `distance after step ${k + 1}`, expected: `at most ${allowed}`, got: left };
        return {
          error: Number.isNaN(left) ? left : Math.max(0, left - allowed),
          tolerance: rounding,
          compared,
        };
      }),
    );
  },
});

/** All of them. */
export const optimiserLaws: readonly Law<OptimiserOperations>[] = [converges, rises, keepsItsRate];
