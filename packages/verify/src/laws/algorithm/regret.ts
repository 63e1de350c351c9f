/** Laws of the whole run: Amulet as an online learner, measured against the best policy in hindsight. */
import fc from "fast-check";
import { genericPair, policyRow } from "../../arbitraries/rows.js";
import { utilitiesBeside, utilityHistory } from "../../arbitraries/steps.js";
import { type AmuletParameters, closedForm, meanOf } from "../../oracles/amulet.js";
import { expectation, kl, logSoftmax, type Row, sumOver, tabulate } from "../../oracles/distribution.js";
import type { SubjectWith } from "../../subject.js";
import { defineLaw, type Law } from "../law.js";
import { loopBound } from "../tolerance.js";

/** What a run of T steps earned and might have earned. Payoff of step t: f_t(π) = ⟨u_t, π⟩ − λ KL(π ‖ π_1). */
interface Regret {
  /** Σ_t f_t(π°) − f_t(π_t), with π° the fixed policy that maximises Σ_t f_t. */
  readonly regret: number;
  /** What it may be when every π_{t+1} maximises its step's objective. */
  readonly bound: number;
}

/** Amulet's own utilities: u_t = α (log π_t − log π_base) of the iterates π_1 … π_T. */
function ownUtilities(iterates: readonly Row[], logBase: Row, alpha: number): Float64Array[] {
  return iterates
    .slice(0, -1)
    .map((policy) => tabulate(policy.length, (a) => alpha * (policy[a]! - logBase[a]!)));
}

/**
 * The regret of iterates π_1 … π_{T+1} on the utilities u_1 … u_T, and its bound. Be-the-leader with a moving anchor:
 * as π_{t+1} maximises Φ_t(π) = Σ_{i≤t} f_i(π) − (1/η) KL(π ‖ π_t), summing Φ_t(π_{t+1}) − Φ_{t−1}(π_t) gives
 *
 *     regret ≤ Σ_t [f_t(π_{t+1}) − f_t(π_t)] + (1/η) KL(π° ‖ π_T)
 *              + (1/η) Σ_{t≥2} [KL(π_{t+1} ‖ π_{t−1}) − KL(π_{t+1} ‖ π_t)]
 */
function measureRegret(
  iterates: readonly Row[],
  utilities: readonly Row[],
  { lambda, eta }: Pick<AmuletParameters, "lambda" | "eta">,
): Regret {
  const steps = utilities.length;
  const at = (t: number) => iterates[t - 1]!;
  const payoff = (t: number, policy: Row) =>
    expectation(policy, (a) => utilities[t - 1]![a]!) - lambda * kl(policy, at(1));
  const sumSteps = (from: number, value: (t: number) => number) =>
    sumOver(Math.max(0, steps - from + 1), (i) => value(from + i));

  const [meanUtility, logReference] = [meanOf(utilities), at(1)];
  const best = closedForm({ meanUtility, logReference, logCurrent: logReference, lambda, proximal: 0 });
  const anchor = sumSteps(2, (t) => kl(at(t + 1), at(t - 1)) - kl(at(t + 1), at(t)));
  return {
    regret: sumSteps(1, (t) => payoff(t, best) - payoff(t, at(t))),
    bound: sumSteps(1, (t) => payoff(t, at(t + 1)) - payoff(t, at(t))) + (kl(best, at(steps)) + anchor) / eta,
  };
}

const weights = {
  lambda: fc.constantFrom(2, 1, 0.5),
  eta: fc.constantFrom(10, 1, 0.1),
};

const regretBounded = defineLaw({
  name: "regret-bounded",
  statement:
    "Against the best fixed policy the iterates lose no more than follow-the-regularised-leader may.",
  needs: ["amuletLoop"],
  cases: fc.record({
    pair: genericPair,
    steps: fc.integer({ min: 1, max: 6 }),
    ratio: fc.constantFrom(1, 0.5, 2),
    ...weights,
  }),
  async judge(subject, { pair, steps, ratio, lambda, eta }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const parameters = { iterations: steps, alpha: ratio * lambda, lambda, eta };
    const iterates = await iteratesOf(subject, logBase, logPreference, parameters);
    const utilities = ownUtilities(iterates, logBase, parameters.alpha);
    const measured = measureRegret(iterates, utilities, parameters);
    const off = Math.max(...loopBound(logBase, logPreference, parameters, subject.unitRoundoff + 2 ** -53));
    return judgeRegret(measured, iterates, off, parameters.alpha + lambda + 1 / eta);
  },
});

const regretOfAnyHistory = defineLaw({
  name: "regret-on-any-history",
  statement:
    "On utilities that have nothing to do with it, too, the learner loses no more than follow-the-regularised-leader may.",
  needs: ["closedFormStep"],
  cases: fc.record({ pair: genericPair, history: utilityHistory, ...weights }),
  async judge(subject, { pair, history, lambda, eta }) {
    const utilities = utilitiesBeside(pair, history);
    const logReference = policyRow(pair.preference);
    const iterates: Row[] = [logSoftmax(logReference)];
    // Sizes are the oracle's: an iterate that is far off grants itself nothing.
    const sizes: Row[] = [...utilities];
    let off = 0;
    for (let t = 1; t <= utilities.length; t++) {
      const meanUtility = Float32Array.from(meanOf(utilities.slice(0, t)));
      const rows = { meanUtility, logReference, logCurrent: iterates.at(-1)! };
      const expected = closedForm({ ...rows, lambda, proximal: 1 / (eta * t) });
      const size = sizeOf([meanUtility, expected, logReference]);
      off += 16 * (subject.unitRoundoff + 2 ** -24) * (size / lambda + 1);
      sizes.push(expected);
      iterates.push(logSoftmax(await subject.closedFormStep(rows, { t, lambda, eta })));
    }
    const measured = measureRegret(iterates, utilities, { lambda, eta });
    return judgeRegret(measured, [...sizes, iterates[0]!], off, 1 + lambda + 1 / eta);
  },
});

/**
 * Errors `off` of the log-policies move each of the 4T payoffs and divergences by at most that times its integrand's
 * size, `weight` times that of the rows.
 */
function judgeRegret({ regret, bound }: Regret, rows: readonly Row[], off: number, weight: number) {
  const tolerance = 4 * rows.length * off * weight * (2 * sizeOf(rows) + 1);
  const compared = { what: "regret", expected: `at most ${bound}`, got: regret };
  const error = Math.max(0, regret - bound);
  return { error, tolerance, compared };
}

/** The largest magnitude in several rows. */
function sizeOf(rows: readonly Row[]): number {
  return Math.max(...rows.map((row) => Math.max(...tabulate(row.length, (a) => Math.abs(row[a]!)))));
}

/** π_1 … π_{T+1}: the loop run with 0 … T steps. */
async function iteratesOf(
  subject: SubjectWith<"amuletLoop">,
  logBase: Row,
  logPreference: Row,
  parameters: AmuletParameters,
): Promise<Float64Array[]> {
  const iterates: Float64Array[] = [];
  for (let iterations = 0; iterations <= parameters.iterations; iterations++) {
    iterates.push(
      logSoftmax(await subject.amuletLoop(logBase, logPreference, { ...parameters, iterations })),
    );
  }
  return iterates;
}

/** All of them. */
export const regretLaws: readonly Law[] = [regretBounded, regretOfAnyHistory];
