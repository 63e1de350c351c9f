/** Laws of the policies that the loop and its collapsed form give. */
import fc from "fast-check";
import { policyParameters } from "../arbitraries/parameters.js";
import { genericPair, type LogitPair, logitPair, maskedPair, policyRow } from "../arbitraries/rows.js";
import { type AmuletParameters, amulet } from "../oracles/amulet.js";
import { logSoftmax, type Row, tabulate } from "../oracles/distribution.js";
import { guidanceScale } from "../oracles/strength.js";
import type { AlgorithmSubject } from "../subject.js";
import { defineLaw, type Judgement, type Law } from "./law.js";
import {
  addBounds,
  comparePolicies,
  loopBound,
  normalisedBound,
  scaleBound,
  tiltBound,
} from "./tolerance.js";

const policyCase = fc.record({ pair: logitPair(), parameters: policyParameters });

/** The two log-policies of a pair, as subject and oracle both read them. */
function rowsOf(pair: LogitPair): { logBase: Float32Array; logPreference: Float32Array } {
  return { logBase: policyRow(pair.base), logPreference: policyRow(pair.preference) };
}

/** The loop's bound, the oracle's own rounding included. */
function boundOf(
  pair: LogitPair,
  parameters: AmuletParameters,
  subject: Pick<AlgorithmSubject, "unitRoundoff">,
) {
  const { logBase, logPreference } = rowsOf(pair);
  return loopBound(logBase, logPreference, parameters, subject.unitRoundoff + 2 ** -53);
}

/** The collapsed form's bound: its own roundings, and those of x along Δ. */
function collapsedBound(
  pair: LogitPair,
  parameters: AmuletParameters,
  subject: Pick<AlgorithmSubject, "unitRoundoff">,
) {
  const { logBase, logPreference } = rowsOf(pair);
  const expected = amulet(logBase, logPreference, parameters);
  const scale = guidanceScale(parameters);
  const scaleError = tabulate(logBase.length, (a) => {
    return scale * scaleBound(parameters.iterations) * Math.abs(logPreference[a]! - logBase[a]!);
  });
  const own = tiltBound(logBase, logPreference, scale - 1, expected, subject.unitRoundoff);
  return addBounds(own, normalisedBound(expected, scaleError, 0));
}

const logPolicyLaw = defineLaw({
  name: "log-policy-by-definition",
  statement: "Logits become log-probabilities without overflow or underflow, at any gap and any offset.",
  needs: ["logPolicy"],
  cases: logitPair({ largest: 50_000 }),
  async judge(subject, { preference }) {
    const expected = logSoftmax(preference);
    const top = Math.max(...preference);
    const scoreError = tabulate(preference.length, (a) => 2 * subject.unitRoundoff * (top - preference[a]!));
    const bound = normalisedBound(expected, scoreError, subject.unitRoundoff + 2 ** -53);
    return comparePolicies(await subject.logPolicy(preference), expected, bound);
  },
});

const loopByDefinition = defineLaw({
  name: "loop-by-definition",
  statement: "The loop gives the policy of T steps with every utility kept and every mean summed anew.",
  needs: ["amuletLoop"],
  cases: policyCase,
  async judge(subject, { pair, parameters }) {
    const { logBase, logPreference } = rowsOf(pair);
    const actual = await subject.amuletLoop(logBase, logPreference, parameters);
    return comparePolicies(
      actual,
      amulet(logBase, logPreference, parameters),
      boundOf(pair, parameters, subject),
    );
  },
});

const collapseByDefinition = defineLaw({
  name: "collapse-by-definition",
  statement: "The collapsed form gives the policy of T steps with every utility kept.",
  needs: ["amuletCollapsed"],
  cases: policyCase,
  async judge(subject, { pair, parameters }) {
    const { logBase, logPreference } = rowsOf(pair);
    const actual = await subject.amuletCollapsed(logBase, logPreference, parameters);
    const oracle = loopBound(logBase, logPreference, parameters, 2 ** -53);
    const bound = addBounds(collapsedBound(pair, parameters, subject), oracle);
    return comparePolicies(actual, amulet(logBase, logPreference, parameters), bound);
  },
});

const loopEqualsCollapse = defineLaw({
  name: "loop-equals-collapse",
  statement: "T steps over the vocabulary are one extrapolation from the preference policy.",
  needs: ["amuletLoop", "amuletCollapsed"],
  cases: policyCase,
  async judge(subject, { pair, parameters }) {
    const { logBase, logPreference } = rowsOf(pair);
    const loop = await subject.amuletLoop(logBase, logPreference, parameters);
    const collapsed = await subject.amuletCollapsed(logBase, logPreference, parameters);
    const bound = addBounds(boundOf(pair, parameters, subject), collapsedBound(pair, parameters, subject));
    return comparePolicies(loop, collapsed, bound);
  },
});

const permuted = defineLaw({
  name: "loop-permutes",
  statement: "Renaming the tokens renames the result and changes nothing else.",
  needs: ["amuletLoop"],
  cases: policyCase,
  async judge(subject, { pair, parameters }) {
    const { logBase, logPreference } = rowsOf(pair);
    const plain = await subject.amuletLoop(logBase, logPreference, parameters);
    const turned = await subject.amuletLoop(logBase.toReversed(), logPreference.toReversed(), parameters);
    const bound = boundOf(pair, parameters, subject);
    return comparePolicies(Float64Array.from(turned).reverse(), plain, addBounds(bound, bound));
  },
});

const nothingToDo = defineLaw({
  name: "loop-rests",
  statement:
    "Without steps, without utility, or with two equal policies the result is the preference policy.",
  needs: ["amuletLoop", "amuletCollapsed"],
  cases: fc.record({
    pair: genericPair,
    parameters: policyParameters,
    reason: fc.constantFrom("no steps", "no utility", "equal policies"),
    form: fc.constantFrom("amuletLoop", "amuletCollapsed"),
  }),
  async judge(subject, { pair, parameters, reason, form }) {
    const still = {
      ...parameters,
      ...(reason === "no steps" && { iterations: 0 }),
      ...(reason === "no utility" && { alpha: 0 }),
    };
    const used = reason === "equal policies" ? { ...pair, base: pair.preference } : pair;
    const { logBase, logPreference } = rowsOf(used);
    const actual = await subject[form](logBase, logPreference, still);
    const bound = addBounds(boundOf(used, still, subject), collapsedBound(used, still, subject));
    return comparePolicies(actual, logSoftmax(logPreference), bound);
  },
});

const masked = defineLaw({
  name: "masked-tokens-drop-out",
  statement:
    "Tokens that neither prompt allows stay impossible, and the others fare as if those did not exist.",
  needs: ["logPolicy", "amuletLoop", "amuletCollapsed"],
  cases: fc.record({
    pair: maskedPair,
    parameters: policyParameters,
    form: fc.constantFrom("amuletLoop", "amuletCollapsed"),
  }),
  async judge(subject, { pair, parameters, form }) {
    const [logBase, logPreference] = [
      await subject.logPolicy(pair.base),
      await subject.logPolicy(pair.preference),
    ];
    const actual = await subject[form](logBase, logPreference, parameters);
    const kept = [...pair.base.keys()].filter((a) => Number.isFinite(pair.base[a]!));
    const left: LogitPair = { base: keep(pair.base, kept), preference: keep(pair.preference, kept) };
    const impossible = pair.base.every((logit, a) => Number.isFinite(logit) || Math.exp(actual[a]!) === 0);
    if (!impossible) return { error: Number.POSITIVE_INFINITY, tolerance: 0 };
    // The subject rounds the policies where the oracle's are exact; both bounds cover a few such roundings.
    const rows = { logBase: logSoftmax(left.base), logPreference: logSoftmax(left.preference) };
    const expected = amulet(rows.logBase, rows.logPreference, parameters);
    const inputs = inputBound(rows, guidanceScale(parameters), expected, subject.unitRoundoff);
    const bound = addBounds(boundOf(left, parameters, subject), collapsedBound(left, parameters, subject));
    return comparePolicies(keep(actual, kept), expected, addBounds(bound, inputs));
  },
});

/** What errors of a few u (relative) and V·u (shared) in the two log-policies become in x log π_pref + (1−x) log π_base. */
function inputBound(
  { logBase, logPreference }: { logBase: Row; logPreference: Row },
  scale: number,
  expected: Row,
  unitRoundoff: number,
): Float64Array {
  const scoreError = tabulate(expected.length, (a) => {
    return (
      8 * unitRoundoff * (scale * Math.abs(logPreference[a]!) + Math.abs(1 - scale) * Math.abs(logBase[a]!))
    );
  });
  return normalisedBound(expected, scoreError, unitRoundoff);
}

const keep = (row: Row, kept: readonly number[]) => kept.map((a) => row[a]!);

const independentRows = defineLaw({
  name: "rows-are-independent",
  statement: "Several rows in one call give what each gives alone.",
  needs: ["amuletLoop", "amuletLoopRows"],
  cases: fc.record({
    pair: genericPair,
    shifts: fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 4 }),
    parameters: policyParameters,
  }),
  async judge(subject, { pair, shifts, parameters }) {
    // Rows of one length, yet different: the pair with its preference logits turned round by `shift` places.
    const pairs = shifts.map((shift) => ({ base: pair.base, preference: turn(pair.preference, shift) }));
    const rows = pairs.map(rowsOf);
    const together = await subject.amuletLoopRows(
      rows.map(({ logBase }) => logBase),
      rows.map(({ logPreference }) => logPreference),
      parameters,
    );
    const judgements = await Promise.all(
      rows.map(async ({ logBase, logPreference }, row) => {
        const alone = await subject.amuletLoop(logBase, logPreference, parameters);
        const bound = boundOf(pairs[row]!, parameters, subject);
        return comparePolicies(together[row] ?? [], alone, addBounds(bound, bound));
      }),
    );
    return judgements.reduce(worse);
  },
});

const turn = (row: readonly number[], by: number) => row.map((_, a) => row[(a + by) % row.length]!);

function worse(left: Judgement, right: Judgement): Judgement {
  return left.error / left.tolerance >= right.error / right.tolerance ? left : right;
}

/** All of them. */
export const policyLaws: readonly Law[] = [
  logPolicyLaw,
  loopByDefinition,
  collapseByDefinition,
  loopEqualsCollapse,
  permuted,
  nothingToDo,
  masked,
  independentRows,
];
