/** Laws of the one dial: π_γ ∝ π_pref (π_pref/π_base)^γ. */
import fc from "fast-check";
import { gammaValue, policyParameters } from "../../arbitraries/parameters.js";
import { closePair, genericPair, logitPair, policyRow } from "../../arbitraries/rows.js";
import { tilt } from "../../oracles/amulet.js";
import { drift, largestGammaWithin } from "../../oracles/budget.js";
import { expectation, kl, logSoftmax, type Row, tabulate, variance } from "../../oracles/distribution.js";
import { integrate } from "../../oracles/quadrature.js";
import { guide } from "../../oracles/strength.js";
import type { SubjectWith } from "../../subject.js";
import { defineLaw, type Law } from "../law.js";
import {
  addBounds,
  compareNumbers,
  comparePolicies,
  normalisedBound,
  scaleBound,
  tiltBound,
} from "../tolerance.js";

const tiltCase = fc.record({ pair: logitPair({ largest: 50_000 }), gamma: gammaValue });

const byDefinition = defineLaw({
  name: "tilt-by-definition",
  statement: "Linear Alignment with ratio γ is log π_pref + γ (log π_pref − log π_base), normalised.",
  needs: ["linearAlignment"],
  cases: tiltCase,
  async judge(subject, { pair, gamma }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const expected = tilt(logBase, logPreference, gamma);
    const bound = tiltBound(logBase, logPreference, gamma, expected, subject.unitRoundoff + 2 ** -53);
    return comparePolicies(await subject.linearAlignment(logBase, logPreference, gamma), expected, bound);
  },
});

const turnsAround = defineLaw({
  name: "tilt-turns-around",
  statement: "Ratio γ from base to preference is ratio −1 − γ from preference to base.",
  needs: ["linearAlignment"],
  cases: tiltCase,
  async judge(subject, { pair, gamma }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const there = await subject.linearAlignment(logBase, logPreference, gamma);
    const back = await subject.linearAlignment(logPreference, logBase, -1 - gamma);
    const expected = tilt(logBase, logPreference, gamma);
    const bound = addBounds(
      tiltBound(logBase, logPreference, gamma, expected, subject.unitRoundoff),
      tiltBound(logPreference, logBase, -1 - gamma, expected, subject.unitRoundoff),
    );
    return comparePolicies(there, back, bound);
  },
});

const amuletIsTilt = defineLaw({
  name: "amulet-is-a-tilt",
  statement: "Linear Alignment with ratio x − 1 is Amulet.",
  needs: ["guidanceScale", "linearAlignment", "amuletCollapsed"],
  cases: fc.record({ pair: genericPair, parameters: policyParameters }),
  async judge(subject, { pair, parameters }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const gamma = (await subject.guidanceScale(parameters)) - 1;
    const aligned = await subject.linearAlignment(logBase, logPreference, gamma);
    const amulet = await subject.amuletCollapsed(logBase, logPreference, parameters);
    const expected = tilt(logBase, logPreference, gamma);
    const own = tiltBound(logBase, logPreference, gamma, expected, subject.unitRoundoff);
    const scaleError = tabulate(expected.length, (a) => {
      return (gamma + 1) * scaleBound(parameters.iterations) * Math.abs(logPreference[a]! - logBase[a]!);
    });
    const bound = addBounds(addBounds(own, own), normalisedBound(expected, scaleError, 0));
    return comparePolicies(aligned, amulet, bound);
  },
});

const oneDial = defineLaw({
  name: "guidance-is-alignment",
  statement:
    "Guidance from the base policy with scale x is Linear Alignment from the preference policy with x under its name.",
  needs: ["strengthNames", "linearAlignment"],
  cases: tiltCase,
  async judge(subject, { pair, gamma }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const { linearAlignmentRatio } = await subject.strengthNames({ guidanceScale: gamma + 1 });
    const aligned = await subject.linearAlignment(logBase, logPreference, linearAlignmentRatio);
    const expected = guide(logBase, logPreference, gamma + 1);
    const bound = tiltBound(logBase, logPreference, gamma, expected, subject.unitRoundoff + 2 ** -51);
    return comparePolicies(aligned, expected, bound);
  },
});

/** How far rounding carries KL(π_γ ‖ π_pref): by Σ π δ (log π − log π_pref + 1) under an error δ of log π_γ. */
function driftSlack(logBase: Row, logPreference: Row, gamma: number, unitRoundoff: number): number {
  const expected = tilt(logBase, logPreference, gamma);
  const bound = tiltBound(logBase, logPreference, gamma, expected, unitRoundoff + 2 ** -53);
  return expectation(expected, (a) => bound[a]! * (Math.abs(expected[a]! - logPreference[a]!) + 2));
}

/** The drift of the subject's policy in nats, and how far rounding alone may carry it. */
async function driftOf(
  subject: SubjectWith<"linearAlignment">,
  logBase: Row,
  logPreference: Row,
  gamma: number,
): Promise<{ nats: number; slack: number }> {
  const policy = logSoftmax(await subject.linearAlignment(logBase, logPreference, gamma));
  const slack = driftSlack(logBase, logPreference, gamma, subject.unitRoundoff);
  return { nats: kl(policy, logSoftmax(logPreference)), slack };
}

const driftRises = defineLaw({
  name: "drift-rises",
  statement: "The drift KL(π_γ ‖ π_pref) never falls as γ grows from 0.",
  needs: ["linearAlignment"],
  cases: fc.record({
    pair: logitPair(),
    gamma: fc.integer({ min: 0, max: 32 }).map((n) => n / 4),
    more: fc.integer({ min: 1, max: 8 }).map((n) => n / 4),
  }),
  async judge(subject, { pair, gamma, more }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const less = await driftOf(subject, logBase, logPreference, gamma);
    const greater = await driftOf(subject, logBase, logPreference, gamma + more);
    const compared = { what: "drift in nats", expected: `at least ${less.nats}`, got: greater.nats };
    const error = Math.max(0, less.nats - greater.nats);
    return { error, tolerance: less.slack + greater.slack, compared };
  },
});

/** Half the stretch of γ over which a slope is taken. */
const reach = 1 / 4;

const driftSlope = defineLaw({
  name: "drift-slope",
  statement:
    "d/dγ KL(π_γ ‖ π_pref) = γ Var_{π_γ}(log π_pref − log π_base): the drift gains the integral of the right side.",
  needs: ["linearAlignment"],
  cases: fc.record({ pair: genericPair, gamma: fc.integer({ min: 0, max: 8 }).map((n) => n / 4) }),
  async judge(subject, { pair, gamma }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const delta = tabulate(logBase.length, (a) => logPreference[a]! - logBase[a]!);
    const slopeAt = (strength: number) => strength * variance(tilt(logBase, logPreference, strength), delta);
    const [from, to] = [gamma - reach, gamma + reach];
    const spread = Math.max(...delta) - Math.min(...delta);
    const expected = integrate(slopeAt, { from, to, panels: Math.ceil(2 * reach * spread) || 1 });
    const low = await driftOf(subject, logBase, logPreference, from);
    const high = await driftOf(subject, logBase, logPreference, to);
    const quadrature = 2 ** -50 * (1 + spread) ** 2;
    const tolerance = low.slack + high.slack + quadrature;
    return compareNumbers("drift gained", high.nats - low.nats, expected, tolerance);
  },
});

const budget = {
  nats: fc.constantFrom(0.1, 0.3, 1, 0.01),
  largestGamma: fc.constantFrom(4.65, 1, 8),
};
const budgetCase = fc.record({ pair: genericPair, ...budget });

/**
 * What rounding does to a bounded search: its drift is off as any drift is, by the roundings of one more sum over the
 * vocabulary, and by those of γ, which moves it by γ Var(Δ) a unit.
 */
function budgetTolerance(logBase: Row, logPreference: Row, gamma: number, unitRoundoff: number): number {
  const delta = tabulate(logBase.length, (a) => logPreference[a]! - logBase[a]!);
  const policy = tilt(logBase, logPreference, gamma);
  const terms = expectation(policy, (a) => Math.abs(policy[a]! - logPreference[a]!));
  const sum = (logBase.length + 8) * terms;
  const ofGamma = 2 * gamma ** 2 * variance(policy, delta);
  return driftSlack(logBase, logPreference, gamma, unitRoundoff) + unitRoundoff * (sum + ofGamma);
}

const budgetMet = defineLaw({
  name: "budget-met",
  statement: "The bounded strength lies between 0 and the largest one, and its drift within the budget.",
  needs: ["boundedTilt"],
  cases: budgetCase,
  async judge(subject, { pair, nats, largestGamma }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const { gamma } = await subject.boundedTilt(logBase, logPreference, { nats, largestGamma });
    if (!(gamma >= 0 && gamma <= largestGamma * (1 + subject.unitRoundoff))) {
      const compared = { what: "γ", expected: `between 0 and ${largestGamma}`, got: gamma };
      return { error: Number.POSITIVE_INFINITY, tolerance: 0, compared };
    }
    const used = drift(logBase, logPreference, gamma);
    const compared = { what: "drift in nats", expected: `at most ${nats}`, got: used };
    const tolerance = budgetTolerance(logBase, logPreference, gamma, subject.unitRoundoff);
    return { error: Math.max(0, used - nats), tolerance, compared };
  },
});

const budgetUsedUp = defineLaw({
  name: "budget-used-up",
  statement:
    "Unless the largest strength fits, the bounded strength uses its budget up, but for the slack that its maker states.",
  needs: ["boundedTilt"],
  cases: fc.record({
    pair: fc.oneof(
      { withCrossShrink: true },
      { weight: 1, arbitrary: genericPair },
      { weight: 4, arbitrary: closePair },
    ),
    ...budget,
  }),
  async judge(subject, { pair, nats, largestGamma }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const best = largestGammaWithin(logBase, logPreference, { nats, largestGamma });
    // A case that is left out is drawn again and counts for nothing.
    if (subject.budgetSlack) fc.pre(isNearlyQuadratic(logBase, logPreference, best));
    const { gamma } = await subject.boundedTilt(logBase, logPreference, { nats, largestGamma });
    const used =
      gamma >= largestGamma * (1 - subject.unitRoundoff) ? nats : drift(logBase, logPreference, gamma);
    const slack = (await subject.budgetSlack?.(nats, logBase.length)) ?? 0;
    const compared = { what: "drift in nats", expected: `at least ${nats - slack}`, got: used };
    // The same again for the search, which stops within a few roundings of where it aims.
    const tolerance = slack + 2 * budgetTolerance(logBase, logPreference, best, subject.unitRoundoff);
    return { error: Number.isNaN(used) ? used : Math.max(0, nats - used), tolerance, compared };
  },
});

const budgetPolicy = defineLaw({
  name: "budget-policy",
  statement: "The policy that comes with the bounded strength is the one of that strength.",
  needs: ["boundedTilt"],
  cases: budgetCase,
  async judge(subject, { pair, ...limits }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const { gamma, logPolicy } = await subject.boundedTilt(logBase, logPreference, limits);
    const strength = Math.min(Math.max(gamma, 0), limits.largestGamma);
    const expected = tilt(logBase, logPreference, strength);
    const bound = tiltBound(logBase, logPreference, strength, expected, subject.unitRoundoff + 2 ** -53);
    // γ itself is read back as a number of the subject's type.
    const readBack = tabulate(expected.length, (a) => {
      return 2 * subject.unitRoundoff * strength * Math.abs(logPreference[a]! - logBase[a]!);
    });
    return comparePolicies(logPolicy, expected, addBounds(bound, normalisedBound(expected, readBack, 0)));
  },
});

/** Whether KL(π_γ ‖ π_pref) is within a factor √2 of γ² Var_pref(Δ)/2, which it is near γ = 0. */
function isNearlyQuadratic(logBase: Row, logPreference: Row, gamma: number): boolean {
  const delta = tabulate(logBase.length, (a) => logPreference[a]! - logBase[a]!);
  const quadratic = (gamma ** 2 * variance(logSoftmax(logPreference), delta)) / 2;
  const ratio = drift(logBase, logPreference, gamma) / quadratic;
  return ratio >= Math.SQRT1_2 && ratio <= Math.SQRT2;
}

/** All of them. */
export const tiltLaws: readonly Law[] = [
  byDefinition,
  turnsAround,
  amuletIsTilt,
  oneDial,
  driftRises,
  driftSlope,
  budgetMet,
  budgetUsedUp,
  budgetPolicy,
];
