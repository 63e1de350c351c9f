/** Laws of the policies that the loop and its collapsed form give. */
import fc from "fast-check";
import { policyParameters } from "../../arbitraries/parameters.js";
import {
  anyPair,
  genericPair,
  type LogitPair,
  logitPair,
  maskedPair,
  policyRow,
} from "../../arbitraries/rows.js";
import { type AmuletParameters, amulet } from "../../oracles/amulet.js";
import { logSoftmax, type Row, tabulate } from "../../oracles/distribution.js";
import { guidanceScale } from "../../oracles/strength.js";
import type { AlgorithmSubject } from "../../subject.js";
import { defineLaw, type Law } from "../law.js";
import {
  addBounds,
  comparePolicies,
  loopBound,
  normalisedBound,
  scaleBound,
  tiltBound,
} from "../tolerance.js";

const policyCase = fc.record({ pair: anyPair, parameters: policyParameters });

/** Two log-policies; the bounds need not have them normalised. */
interface PolicyRows {
  readonly logBase: Row;
  readonly logPreference: Row;
}

/** The two log-policies of a pair, as subject and oracle both read them. */
function rowsOf(pair: LogitPair): { logBase: Float32Array; logPreference: Float32Array } {
  return { logBase: policyRow(pair.base), logPreference: policyRow(pair.preference) };
}

/** The loop's bound, the oracle's own rounding included. */
function boundOf(
  { logBase, logPreference }: PolicyRows,
  parameters: AmuletParameters,
  subject: Pick<AlgorithmSubject, "unitRoundoff">,
) {
  return loopBound(logBase, logPreference, parameters, subject.unitRoundoff + 2 ** -53);
}

/** The collapsed form's bound: its own roundings, and those of x along Δ. */
function collapsedBound(
  { logBase, logPreference }: PolicyRows,
  parameters: AmuletParameters,
  subject: Pick<AlgorithmSubject, "unitRoundoff">,
) {
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

const shiftChangesNothing = defineLaw({
  name: "logits-shift",
  statement: "A number added to every logit changes nothing.",
  needs: ["logPolicy"],
  cases: fc.record({ pair: logitPair(), shift: fc.constantFrom(1, -1, 100, -100, 10_000, -10_000) }),
  async judge(subject, { pair: { base, preference }, shift }) {
    // As a type of 24 bits has them before and after: a logit of 20,000 keeps its eighths.
    const logits = base.map((logit, a) => Math.fround(logit + preference[a]!));
    const shifted = logits.map((logit) => Math.fround(logit + shift));
    const expected = logSoftmax(logits);
    const top = Math.max(...logits);
    const scoreError = tabulate(logits.length, (a) => 2 * subject.unitRoundoff * (top - logits[a]!));
    const bound = normalisedBound(expected, scoreError, subject.unitRoundoff);
    const [plain, moved] = [await subject.logPolicy(logits), await subject.logPolicy(shifted)];
    return comparePolicies(moved, plain, addBounds(bound, bound));
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
      boundOf({ logBase, logPreference }, parameters, subject),
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
    const bound = addBounds(collapsedBound({ logBase, logPreference }, parameters, subject), oracle);
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
    const bound = addBounds(
      boundOf({ logBase, logPreference }, parameters, subject),
      collapsedBound({ logBase, logPreference }, parameters, subject),
    );
    return comparePolicies(loop, collapsed, bound);
  },
});

const permuted = defineLaw({
  name: "loop-permutes",
  statement: "Renaming the tokens renames the result and changes nothing else.",
  needs: ["amuletLoop"],
  cases: fc.record({
    pair: logitPair(),
    parameters: policyParameters,
    keys: fc.array(fc.nat({ max: 99 }), { minLength: 1, maxLength: 13 }),
  }),
  async judge(subject, { pair, parameters, keys }) {
    const { logBase, logPreference } = rowsOf(pair);
    const order = orderBy(logBase.length, keys);
    const renamed = (row: Float32Array) => Float32Array.from(order, (a) => row[a]!);
    const plain = await subject.amuletLoop(logBase, logPreference, parameters);
    const turned = await subject.amuletLoop(renamed(logBase), renamed(logPreference), parameters);
    const back = new Float64Array(order.length);
    for (const [position, a] of order.entries()) back[a] = turned[position]!;
    const bound = boundOf({ logBase, logPreference }, parameters, subject);
    return comparePolicies(back, plain, addBounds(bound, bound));
  },
});

/** The tokens 0 … size − 1 reversed, then sorted by keys that repeat. */
function orderBy(size: number, keys: readonly number[]): number[] {
  const key = (a: number) => keys[a % keys.length]!;
  return Array.from({ length: size }, (_, i) => size - 1 - i).sort((a, b) => key(a) - key(b));
}

const reasonsToRest = ["no steps", "no utility", "equal policies", "boundless λ"] as const;

/** Weight of the pull back in place of λ = ∞; the utility then moves log π by α/λ of Δ at most. */
const boundlessLambda = 1e9;

const nothingToDo = defineLaw({
  name: "loop-rests",
  statement:
    "Without steps, without utility, with two equal policies, or as λ → ∞, the result is the preference policy.",
  needs: ["amuletLoop", "amuletCollapsed"],
  cases: fc.record({
    pair: genericPair,
    parameters: policyParameters,
    reason: fc.constantFrom(...reasonsToRest),
    form: fc.constantFrom("amuletLoop", "amuletCollapsed"),
  }),
  async judge(subject, { pair, parameters, reason, form }) {
    const still = {
      ...parameters,
      ...(reason === "no steps" && { iterations: 0 }),
      ...(reason === "no utility" && { alpha: 0 }),
      ...(reason === "boundless λ" && { lambda: boundlessLambda }),
    };
    const used = reason === "equal policies" ? { ...pair, base: pair.preference } : pair;
    const { logBase, logPreference } = rowsOf(used);
    const actual = await subject[form](logBase, logPreference, still);
    const bound = addBounds(
      boundOf({ logBase, logPreference }, still, subject),
      collapsedBound({ logBase, logPreference }, still, subject),
    );
    const expected = logSoftmax(logPreference);
    // x − 1 ≤ α/(λ − α), since x stays below its fixed point.
    const moved = reason === "boundless λ" ? still.alpha / (still.lambda - still.alpha) : 0;
    const drift = tabulate(expected.length, (a) => moved * Math.abs(logPreference[a]! - logBase[a]!));
    return comparePolicies(actual, expected, addBounds(bound, normalisedBound(expected, drift, 0)));
  },
});

const masked = defineLaw({
  name: "masked-tokens-drop-out",
  statement:
    "Tokens that neither prompt allows, or not the one with the preference, stay impossible, and the others fare as if those did not exist.",
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
    const kept = [...pair.base.keys()].filter((a) => Number.isFinite(pair.preference[a]!));
    const left: LogitPair = { base: keep(pair.base, kept), preference: keep(pair.preference, kept) };
    const impossible = pair.preference.every(
      (logit, a) => Number.isFinite(logit) || Math.exp(actual[a]!) === 0,
    );
    if (!impossible) {
      const compared = { what: "log-policy", expected: "probability 0 of every masked token", got: actual };
      return { error: Number.POSITIVE_INFINITY, tolerance: 0, compared };
    }
    // The subject rounds the policies where the oracle's are exact; both bounds cover a few such roundings.
    const rows = { logBase: logSoftmax(left.base), logPreference: logSoftmax(left.preference) };
    // What the base prompt grants to masked tokens makes the other terms larger, by the same number for every token.
    const asRead = { ...rows, logBase: keep(logSoftmax(pair.base), kept) };
    const expected = amulet(rows.logBase, rows.logPreference, parameters);
    const inputs = inputBound(asRead, guidanceScale(parameters), expected, subject.unitRoundoff);
    const bound = addBounds(
      boundOf(asRead, parameters, subject),
      collapsedBound(asRead, parameters, subject),
    );
    return comparePolicies(keep(actual, kept), expected, addBounds(bound, inputs));
  },
});

/** What errors of a few u (relative) and V·u (shared) in the two log-policies become in x log π_pref + (1−x) log π_base. */
function inputBound(
  { logBase, logPreference }: PolicyRows,
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
    row: fc.nat({ max: 3 }),
    parameters: policyParameters,
  }),
  async judge(subject, { pair, shifts, row, parameters }) {
    // Rows of one length, yet different: the pair with its preference logits turned round by `shift` places. One of
    // them is done again alone.
    const pairs = shifts.map((shift) => ({ base: pair.base, preference: turn(pair.preference, shift) }));
    const rows = pairs.map(rowsOf);
    const together = await subject.amuletLoopRows(
      rows.map(({ logBase }) => logBase),
      rows.map(({ logPreference }) => logPreference),
      parameters,
    );
    const which = row % rows.length;
    const { logBase, logPreference } = rows[which]!;
    const alone = await subject.amuletLoop(logBase, logPreference, parameters);
    const bound = boundOf(rows[which]!, parameters, subject);
    return comparePolicies(together[which] ?? [], alone, addBounds(bound, bound));
  },
});

const turn = (row: readonly number[], by: number) => row.map((_, a) => row[(a + by) % row.length]!);

/** All of them. */
export const policyLaws: readonly Law[] = [
  logPolicyLaw,
  shiftChangesNothing,
  loopByDefinition,
  collapseByDefinition,
  loopEqualsCollapse,
  permuted,
  nothingToDo,
  masked,
  independentRows,
];
