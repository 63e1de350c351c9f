/** Laws of the methods that the field has beside Amulet: strengths chosen per token, gates, masks, Δ of another model. */
import fc from "fast-check";
import { gammaValue, policyParameters, scaleParameters } from "../../arbitraries/parameters.js";
import {
  closePair,
  genericPair,
  type LogitPair,
  logitPair,
  peakedPair,
  policyRow,
  rowBeside,
  spareRow,
} from "../../arbitraries/rows.js";
import { jensenShannon, route } from "../../oracles/adaptive.js";
import { tilt } from "../../oracles/amulet.js";
import { coSteer, type TransferRows, transfer } from "../../oracles/costeer.js";
import { expectation, type Row, tabulate } from "../../oracles/distribution.js";
import { keptTokens, mask } from "../../oracles/masks.js";
import { defineLaw, type Law } from "../law.js";
import {
  addBounds,
  compareNumbers,
  comparePolicies,
  normalisedBound,
  scaleBound,
  tiltBound,
  worstOf,
} from "../tolerance.js";

const anyPair = fc.oneof(
  { withCrossShrink: true },
  { weight: 3, arbitrary: genericPair },
  { weight: 3, arbitrary: closePair },
  { weight: 1, arbitrary: peakedPair },
);

/**
 * How far rounding carries a Jensen–Shannon divergence in bits: each probability by the roundings of its logarithm, each
 * logarithm of a ratio by its own, and the sum by one for every token.
 */
function divergenceBound(logP: Row, logQ: Row, unitRoundoff: number): number {
  const half = (log: Row, other: Row) =>
    expectation(log, (a) => {
      const ratio = Math.abs(other[a]! - log[a]!);
      return (Math.abs(log[a]!) + 4 + log.length) * (ratio + Math.LN2) + ratio + 8;
    });
  return (unitRoundoff * (half(logP, logQ) + half(logQ, logP))) / (2 * Math.LN2);
}

const adaCadByDefinition = defineLaw({
  name: "adacad-by-definition",
  statement:
    "AdaCAD's γ is the Jensen–Shannon divergence of the two policies in bits, or the warm-up if that is more, and its policy is the one of that γ.",
  needs: ["adaCad"],
  cases: fc.record({ pair: anyPair, warmup: fc.constantFrom(0, 0.3, 1) }),
  async judge(subject, { pair, warmup }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const { gamma, logPolicy } = await subject.adaCad(logBase, logPreference, warmup);
    const roundoff = subject.unitRoundoff + 2 ** -53;
    const wanted = Math.max(warmup, jensenShannon(logBase, logPreference));
    const ofGamma = divergenceBound(logBase, logPreference, roundoff) + roundoff;
    const strength = Math.min(Math.max(gamma, 0), 1);
    const expected = tilt(logBase, logPreference, strength);
    const readBack = tabulate(expected.length, (a) => {
      return 2 * roundoff * Math.abs(logPreference[a]! - logBase[a]!);
    });
    const bound = addBounds(
      tiltBound(logBase, logPreference, strength, expected, roundoff),
      normalisedBound(expected, readBack, 0),
    );
    return worstOf([
      compareNumbers("γ", gamma, wanted, ofGamma),
      comparePolicies(logPolicy, expected, bound),
    ]);
  },
});

const adaCadSymmetric = defineLaw({
  name: "adacad-symmetric",
  statement: "AdaCAD's γ does not change when base and preference policy change places.",
  needs: ["adaCad"],
  cases: anyPair,
  async judge(subject, pair) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const { gamma: there } = await subject.adaCad(logBase, logPreference, 0);
    const { gamma: back } = await subject.adaCad(logPreference, logBase, 0);
    const tolerance = 2 * divergenceBound(logBase, logPreference, subject.unitRoundoff);
    return compareNumbers("γ with the policies exchanged", back, there, tolerance);
  },
});

const gateTakesOne = defineLaw({
  name: "gate-takes-one-policy",
  statement:
    "NWCAD's gate copies the base policy where the two hardly differ and it is sure, else the preference policy where that is sure, and asks its fallback for the rest.",
  needs: ["gate"],
  cases: fc.record({
    pair: anyPair,
    thresholds: fc.record({
      divergence: fc.constantFrom(0.05, 0.01, 0.2),
      baseMargin: fc.constantFrom(0.3, 0, 0.1, 0.6),
      preferenceMargin: fc.constantFrom(0.3, 0.1, 0.6, 1),
    }),
    ratio: gammaValue,
  }),
  async judge(subject, { pair, thresholds, ratio }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const { to, margin } = route(logBase, logPreference, thresholds);
    // Where a number falls on its threshold, rounding decides, and either is right: drawn again.
    fc.pre(margin >= 1e-5);
    const { gamma, logPolicy } = await subject.gate(logBase, logPreference, thresholds, ratio);
    const none = new Float64Array(logBase.length);
    const ways = {
      base: { gamma: -1, policy: logBase, bound: none },
      preference: { gamma: 0, policy: logPreference, bound: none },
      fallback: fallbackOf(logBase, logPreference, ratio, subject.unitRoundoff),
    };
    const expected = ways[to];
    return worstOf([
      compareNumbers(`γ of the ${to}`, gamma, expected.gamma, 0),
      comparePolicies(logPolicy, expected.policy, expected.bound, `log-policy of the ${to}`),
    ]);
  },
});

function fallbackOf(logBase: Row, logPreference: Row, gamma: number, unitRoundoff: number) {
  const policy = tilt(logBase, logPreference, gamma);
  return { gamma, policy, bound: tiltBound(logBase, logPreference, gamma, policy, unitRoundoff + 2 ** -53) };
}

const maskByDefinition = defineLaw({
  name: "mask-by-definition",
  statement:
    "A mask leaves the nucleus, the tokens of min-p or those of top-nσ of the preference policy, in the proportions of the method.",
  needs: ["maskedAlignment"],
  cases: fc.record({
    pair: logitPair({ largest: 400 }),
    ratio: gammaValue,
    rule: fc.oneof(
      fc.record({ kind: fc.constant("min-p" as const), value: fc.constantFrom(0.1, 0.5, 0.01, 1) }),
      fc.record({ kind: fc.constant("top-n-sigma" as const), value: fc.constantFrom(1, 0.5, 2, 0) }),
      fc.record({ kind: fc.constant("nucleus" as const), value: fc.constantFrom(0.8, 0.5, 0.95) }),
    ),
  }),
  async judge(subject, { pair, ratio, rule }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const { tokens, margin } = keptTokens(logPreference, rule);
    // Exactly the best token is a rule that rounding has no part in.
    const isExact = (rule.kind === "min-p" && rule.value === 1) || rule.value === 0;
    fc.pre(isExact || margin >= (rule.kind === "nucleus" ? 1e-5 : 1e-3));
    const got = await subject.maskedAlignment(logBase, logPreference, ratio, rule);
    const expected = mask(tilt(logBase, logPreference, ratio), tokens);
    const impossible = expected.map((value) => Math.max(value, -1e4));
    const once = tiltBound(logBase, logPreference, ratio, impossible, subject.unitRoundoff + 2 ** -53);
    return comparePolicies(got, expected, addBounds(once, once));
  },
});

const transferCase = fc.record({ pair: genericPair, large: spareRow });

function transferRows({ pair, large }: { pair: LogitPair; large: readonly number[] }): TransferRows {
  return {
    logLarge: policyRow(rowBeside(pair, large)),
    logSmallBase: policyRow(pair.base),
    logSmallPreference: policyRow(pair.preference),
  };
}

/** Rounding of a sum of three rows, normalised, and of the step from the large model's row through it. */
function transferBound(rows: TransferRows, strength: number, expected: Row, unitRoundoff: number) {
  const once = transfer(rows, 1);
  const scoreError = tabulate(expected.length, (a) => {
    const [large, base, preference] = [rows.logLarge[a]!, rows.logSmallBase[a]!, rows.logSmallPreference[a]!];
    const terms = Math.abs(large) + Math.abs(base) + Math.abs(preference) + Math.abs(once[a]!);
    return 8 * unitRoundoff * (1 + Math.abs(strength)) * terms;
  });
  return normalisedBound(expected, scoreError, unitRoundoff);
}

const transferByDefinition = defineLaw({
  name: "transfer-by-definition",
  statement:
    "Δ of another model with strength y is log π_large + y (log π_pref − log π_base) of the other, normalised.",
  needs: ["transferDelta"],
  cases: fc.record({ rows: transferCase, strength: gammaValue }),
  async judge(subject, { rows: drawn, strength }) {
    const rows = transferRows(drawn);
    const expected = transfer(rows, strength);
    const bound = transferBound(rows, strength, expected, subject.unitRoundoff + 2 ** -53);
    return comparePolicies(await subject.transferDelta(rows, strength), expected, bound);
  },
});

const transferFromItself = defineLaw({
  name: "transfer-from-itself",
  statement: "Δ that a model takes from itself with strength x is Linear Alignment with ratio x − 1.",
  needs: ["transferDelta", "linearAlignment"],
  cases: fc.record({ pair: genericPair, strength: gammaValue }),
  async judge(subject, { pair, strength }) {
    const [logBase, logPreference] = [policyRow(pair.base), policyRow(pair.preference)];
    const rows = { logLarge: logBase, logSmallBase: logBase, logSmallPreference: logPreference };
    const transferred = await subject.transferDelta(rows, strength);
    const aligned = await subject.linearAlignment(logBase, logPreference, strength - 1);
    const expected = tilt(logBase, logPreference, strength - 1);
    const bound = addBounds(
      transferBound(rows, strength, expected, subject.unitRoundoff),
      tiltBound(logBase, logPreference, strength - 1, expected, subject.unitRoundoff),
    );
    return comparePolicies(transferred, aligned, bound);
  },
});

const beta = fc.constantFrom(1, 2, 0.5, 0);

const coSteerCollapses = defineLaw({
  name: "costeer-collapses",
  statement: "CoSteer's T steps are one: the large model's policy and the small one's Δ times one number.",
  needs: ["transferDelta", "coSteerScale"],
  cases: fc.record({ rows: transferCase, parameters: policyParameters, beta }),
  async judge(subject, { rows: drawn, parameters, beta }) {
    const rows = transferRows(drawn);
    const strength = await subject.coSteerScale({ ...parameters, beta });
    const expected = coSteer(rows, { ...parameters, beta });
    const ofScale = tabulate(expected.length, (a) => {
      const delta = Math.abs(rows.logSmallPreference[a]! - rows.logSmallBase[a]!);
      return Math.abs(strength) * scaleBound(parameters.iterations) * delta;
    });
    // The oracle's own T steps in float64, thirteen roundings each.
    const roundoff = subject.unitRoundoff + 13 * (parameters.iterations + 1) * 2 ** -53;
    const bound = transferBound(rows, strength, expected, roundoff);
    const all = addBounds(bound, normalisedBound(expected, ofScale, 0));
    return comparePolicies(await subject.transferDelta(rows, strength), expected, all);
  },
});

const coSteerIsAmulet = defineLaw({
  name: "costeer-is-amulet",
  statement: "CoSteer's strength with β = α is Amulet's γ = x − 1.",
  needs: ["coSteerScale", "guidanceScale"],
  cases: scaleParameters,
  async judge(subject, parameters) {
    const x = await subject.guidanceScale(parameters);
    const got = await subject.coSteerScale({ ...parameters, beta: parameters.alpha });
    return compareNumbers("y", got, x - 1, 2 * x * scaleBound(parameters.iterations));
  },
});

/** All of them. */
export const fieldLaws: readonly Law[] = [
  adaCadByDefinition,
  adaCadSymmetric,
  gateTakesOne,
  maskByDefinition,
  transferByDefinition,
  transferFromItself,
  coSteerCollapses,
  coSteerIsAmulet,
];
