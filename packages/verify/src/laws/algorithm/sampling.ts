/** Laws of drawing tokens. */
import fc from "fast-check";
import { genericPair, policyRow } from "../../arbitraries/rows.js";
import { logSoftmax, probabilities, type Row, sumOver } from "../../oracles/distribution.js";
import { truncate } from "../../oracles/truncate.js";
import type { Judgement } from "../judgement.js";
import { defineLaw, type Law } from "../law.js";

/** Draws per case. */
const count = 4000;

/** Tokens that expect fewer draws than this are judged together as well. */
const rareDraws = 5;

/** log₁₀ of how seldom right samplers are accused. */
const level = -9;

/** log k! for k up to the number of draws. */
const logFactorial = new Float64Array(count + 1);
for (let k = 1; k <= count; k++) logFactorial[k] = logFactorial[k - 1]! + Math.log(k);

/** P(K = k) for K binomial. */
function binomial(k: number, trials: number, p: number): number {
  const ways = logFactorial[trials]! - logFactorial[k]! - logFactorial[trials - k]!;
  const hits = k === 0 ? 0 : k * Math.log(p);
  const misses = k === trials ? 0 : (trials - k) * Math.log1p(-p);
  return Math.exp(ways + hits + misses);
}

/**
 * The probability that as many draws as were seen, or as few, fall on an event: the exact tail of the binomial
 * distribution on the side where `seen` lies.
 *
 * @param slack how far p itself may be off, as the boundaries between tokens are rounded
 */
export function tailOf(seen: number, trials: number, p: number, slack = 0): number {
  const many = seen >= trials * p;
  const chance = Math.min(1, Math.max(0, many ? p + slack : p - slack));
  if (many ? seen <= trials * chance : seen >= trials * chance) return 1;
  const ks = many ? trials - seen + 1 : seen + 1;
  return sumOver(ks, (i) => binomial(many ? seen + i : i, trials, chance));
}

/**
 * The smallest tail over every token, and over all rare ones together, times the number of tails that it is the
 * smallest of: right samplers come below 10^-9 less than once in 10^9 (Bonferroni), whatever the policy.
 */
function judgeDraws(draws: Row, logPolicy: Row, unitRoundoff: number): Judgement {
  const observed = new Float64Array(logPolicy.length);
  for (let i = 0; i < draws.length; i++) observed[draws[i]!]! += 1;
  const chances = probabilities(logSoftmax(logPolicy));
  const compared = {
    what: `times that each token came in ${count} draws`,
    expected: chances.map((chance) => chance * count),
    got: observed,
  };
  // A uniform number of the type, and the sums that it is compared with, are off by V·u in all.
  const slack = logPolicy.length * unitRoundoff;
  const events = [...chances.keys()].map((a) => [a]);
  const rare = events.flat().filter((a) => chances[a]! * count < rareDraws);
  const tails = [...events, rare].map((tokens) => {
    const total = (row: Row) => sumOver(tokens.length, (i) => row[tokens[i]!]!);
    return tailOf(total(observed), count, total(chances), slack);
  });
  const possible = observed.every((seen, a) => seen === 0 || chances[a]! > 0);
  const all = sumOver(observed.length, (a) => observed[a]!) === count && draws.length === count;
  const chance = Math.min(1, 2 * tails.length * Math.min(...tails));
  const error = all && possible ? -Math.log10(chance) : Number.POSITIVE_INFINITY;
  return { error: Math.max(0, error), tolerance: -level, compared };
}

const seeds = fc.nat({ max: 2 ** 31 - 1 });

const frequencies = defineLaw({
  name: "sampling-frequencies",
  statement: "Tokens are drawn as often as their probabilities say.",
  needs: ["sample"],
  cases: fc.record({ pair: genericPair, seed: seeds }),
  async judge(subject, { pair, seed }) {
    const logPolicy = policyRow(pair.preference);
    return judgeDraws(await subject.sample(logPolicy, { count, seed }), logPolicy, subject.unitRoundoff);
  },
});

const truncations = defineLaw({
  name: "sampling-truncations",
  statement: "Temperature, top-k, top-p and min-p, in this order, leave what their definitions leave.",
  needs: ["sampleTruncated"],
  cases: fc.record({
    pair: genericPair,
    seed: seeds,
    temperature: fc.constantFrom(1, 0.5, 2, 0.75),
    topK: fc.constantFrom(0, 1, 2, 3, 5),
    topP: fc.constantFrom(1, 0.9, 0.5, 0.3),
    minP: fc.constantFrom(0, 0.1, 0.3),
  }),
  async judge(subject, { pair, ...run }) {
    const logPolicy = policyRow(pair.preference);
    const { logPolicy: left, margin } = truncate(logPolicy, run);
    // Where a threshold falls on a token's very probability, rounding decides, and either is right: drawn again.
    fc.pre(margin >= 1e-5);
    return judgeDraws(
      await subject.sampleTruncated(logPolicy, { ...run, count }),
      left,
      subject.unitRoundoff,
    );
  },
});

/** All of them. */
export const samplingLaws: readonly Law[] = [frequencies, truncations];
