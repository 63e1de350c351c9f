/** Laws of one closed-form step, stated by what it maximises. */
import fc from "fast-check";
import { stepSettings } from "../../arbitraries/parameters.js";
import { logitPair, policyRow, rowBeside, spareRow } from "../../arbitraries/rows.js";
import { utilitiesBeside, utilityHistory } from "../../arbitraries/steps.js";
import { ascendMirror } from "../../optimisers/mirror-ascent.js";
import { closedForm, meanOf } from "../../oracles/amulet.js";
import { expectation, kl, logSoftmax, logSumExp, type Row, tabulate } from "../../oracles/distribution.js";
import { curvature, objective, objectiveGradient, type StepProblem } from "../../oracles/objective.js";
import type { SubjectWith } from "../../subject.js";
import type { Judgement } from "../judgement.js";
import { defineLaw, type Law } from "../law.js";
import { compareNumbers, comparePolicies, logSmallest, normalisedBound } from "../tolerance.js";

const stepCase = fc.record({
  pair: logitPair({ largest: 400 }),
  utility: spareRow,
  other: spareRow,
  settings: stepSettings,
});
type StepCase = typeof stepCase extends fc.Arbitrary<infer C> ? C : never;

/** π_1 and π_t are the two rows of the pair; the utility is a row of its own. */
function problemOf({ pair, utility, settings }: StepCase): StepProblem {
  return {
    meanUtility: Float32Array.from(rowBeside(pair, utility)),
    logReference: policyRow(pair.preference),
    logCurrent: policyRow(pair.base),
    lambda: settings.lambda,
    proximal: 1 / (settings.eta * settings.t),
  };
}

async function solve(subject: SubjectWith<"closedFormStep">, example: StepCase): Promise<Row> {
  const { meanUtility, logReference, logCurrent } = problemOf(example);
  return await subject.closedFormStep({ meanUtility, logReference, logCurrent }, example.settings);
}

/** What a token's score is made of, in absolute value: rounding is relative to it. */
function termSizes(problem: StepProblem): Float64Array {
  const { meanUtility, logReference, logCurrent, lambda, proximal } = problem;
  return tabulate(logReference.length, (a) => {
    const pulls = lambda * Math.abs(logReference[a]!) + proximal * Math.abs(logCurrent[a]!);
    return (Math.abs(meanUtility[a]!) + pulls) / curvature(problem);
  });
}

/** Six roundings of the terms that a score adds up, beside the oracle's policy: a wrong one grants itself nothing. */
function stepBound(problem: StepProblem, unitRoundoff: number): Float64Array {
  const scoreError = termSizes(problem).map((size) => 6 * unitRoundoff * size);
  return normalisedBound(closedForm(problem), scoreError, unitRoundoff);
}

/** No log-probability of a possible token may be infinite or undefined, however little mass the token has. */
function withoutGaps(problem: StepProblem, solution: Row, judgement: Judgement): Judgement {
  const expected = closedForm(problem);
  const entry = expected.findIndex((value, a) => value > logSmallest && !Number.isFinite(solution[a]));
  if (entry === -1) return judgement;
  const compared = { what: "log-policy, which must be finite", expected, got: solution, entry };
  return { error: Number.POSITIVE_INFINITY, tolerance: judgement.tolerance, compared };
}

const gapIdentity = defineLaw({
  name: "step-gap-identity",
  statement: "F(π*) − F(π) = (λ + 1/(ηt)) KL(π ‖ π*) for every policy π.",
  needs: ["closedFormStep"],
  cases: stepCase,
  async judge(subject, example) {
    const problem = problemOf(example);
    const solution = logSoftmax(await solve(subject, example));
    const other = logSoftmax(rowBeside(example.pair, example.other));
    const gap = objective(problem, solution) - objective(problem, other);
    const distance = curvature(problem) * kl(other, solution);
    // An error δ(a) of log π* moves the right side by c Σ π δ and the left by c Σ π* δ.
    const worst = Math.max(...stepBound(problem, subject.unitRoundoff + 2 ** -53));
    const size = curvature(problem) * (1 + Math.max(...termSizes(problem)));
    const tolerance = 4 * curvature(problem) * worst + 32 * 2 ** -53 * size;
    const what = "F(π*) − F(π) against (λ + 1/(ηt)) KL(π ‖ π*)";
    return withoutGaps(problem, solution, compareNumbers(what, gap, distance, tolerance));
  },
});

const stationary = defineLaw({
  name: "step-stationary",
  statement: "At the step's policy the objective's gradient is the same number for every token.",
  needs: ["closedFormStep"],
  cases: stepCase,
  async judge(subject, example) {
    const problem = problemOf(example);
    const solution = await solve(subject, example);
    const gradient = objectiveGradient(problem, solution);
    const expected = closedForm(problem);
    const possible = Array.from(gradient.keys()).filter((a) => expected[a]! > logSmallest);
    const values = possible.map((a) => gradient[a]!);
    const bound = stepBound(problem, subject.unitRoundoff + 8 * 2 ** -53);
    const sizes = termSizes(problem);
    const slack = Math.max(...possible.map((a) => bound[a]! + 2 ** -50 * sizes[a]!));
    const error = Math.max(...values) - Math.min(...values);
    const compared = { what: "gradient", expected: "the same number for every token", got: gradient };
    const tolerance = 2 * curvature(problem) * slack;
    return withoutGaps(problem, solution, { error, tolerance, compared });
  },
});

const normalised = defineLaw({
  name: "step-normalised",
  statement: "The step's probabilities add up to 1.",
  needs: ["closedFormStep"],
  cases: stepCase,
  async judge(subject, example) {
    const problem = problemOf(example);
    const solution = await solve(subject, example);
    const bound = Math.max(...stepBound(problem, subject.unitRoundoff));
    const judgement = compareNumbers("log of the sum of probabilities", logSumExp(solution), 0, bound);
    return withoutGaps(problem, solution, judgement);
  },
});

const byAscent = defineLaw({
  name: "step-by-ascent",
  statement:
    "Mirror ascent from the uniform policy, which knows the gradient alone, ends at the step's policy.",
  needs: ["closedFormStep"],
  cases: stepCase,
  async judge(subject, example) {
    const problem = problemOf(example);
    const solution = await solve(subject, example);
    const logStart = new Float64Array(solution.length);
    // Errors halve 60 times: from below 1e3 to below 2^-50.
    const { logPolicies } = ascendMirror(problem, { logStart, iterations: 60, pace: 0.5 });
    const bound = stepBound(problem, subject.unitRoundoff + 8 * 2 ** -53);
    return withoutGaps(problem, solution, comparePolicies(solution, logPolicies.at(-1)!, bound));
  },
});

const ofHistory = defineLaw({
  name: "step-of-any-history",
  statement:
    "Whatever utilities came, the step maximises their sum less tλ KL(π ‖ π_1) and (1/η) KL(π ‖ π_t): the gap to any other policy is (tλ + 1/η) KL.",
  needs: ["closedFormStep"],
  cases: fc.record({
    pair: logitPair({ largest: 400 }),
    history: utilityHistory,
    other: spareRow,
    lambda: stepSettings.map(({ lambda }) => lambda),
    eta: stepSettings.map(({ eta }) => eta),
  }),
  async judge(subject, { pair, history, other, lambda, eta }) {
    const utilities = utilitiesBeside(pair, history);
    const t = utilities.length;
    const settings = { t, lambda, eta };
    const rows = { logReference: policyRow(pair.preference), logCurrent: policyRow(pair.base) };
    const meanUtility = Float32Array.from(meanOf(utilities));
    const solution = logSoftmax(await subject.closedFormStep({ meanUtility, ...rows }, settings));
    const rival = logSoftmax(rowBeside(pair, other));
    const payoff = (policy: Row) =>
      utilities.reduce((sum, utility) => sum + expectation(policy, (a) => utility[a]!), 0) -
      t * lambda * kl(policy, rows.logReference) -
      kl(policy, rows.logCurrent) / eta;
    const weight = t * lambda + 1 / eta;
    const problem = { meanUtility, ...rows, lambda, proximal: 1 / (eta * t) };
    // The mean is rounded to float32 before the step reads it.
    const rounding = subject.unitRoundoff + 2 ** -24 + 2 ** -53;
    const worst = Math.max(...stepBound(problem, rounding));
    const size = weight * (1 + Math.max(...termSizes(problem)));
    const tolerance = 4 * weight * worst + 32 * 2 ** -53 * size;
    const gap = payoff(solution) - payoff(rival);
    const distance = weight * kl(rival, solution);
    return withoutGaps(
      problem,
      solution,
      compareNumbers("gap against (tλ + 1/η) KL", gap, distance, tolerance),
    );
  },
});

/** All of them. */
export const stepLaws: readonly Law[] = [gapIdentity, stationary, normalised, byAscent, ofHistory];
