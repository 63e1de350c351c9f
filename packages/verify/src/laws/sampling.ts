/** Laws of drawing tokens. */
import fc from "fast-check";
import { genericPair, policyRow } from "../arbitraries/rows.js";
import { probabilities, type Row, sumOver } from "../oracles/distribution.js";
import { truncate } from "../oracles/truncate.js";
import type { Judgement } from "./judgement.js";
import { defineLaw, type Law } from "./law.js";

/** Draws per case. */
const count = 4000;

/** Pearson's statistic over the cells, those that expect fewer than five draws pooled into one. */
export function chiSquare(observed: Row, expected: Row): { statistic: number; freedom: number } {
  const cells: { seen: number; due: number }[] = [];
  const rare = { seen: 0, due: 0 };
  for (let a = 0; a < expected.length; a++) {
    if (expected[a]! >= 5) cells.push({ seen: observed[a]!, due: expected[a]! });
    else {
      rare.seen += observed[a]!;
      rare.due += expected[a]!;
    }
  }
  if (rare.due >= 5) cells.push(rare);
  const statistic = sumOver(cells.length, (i) => (cells[i]!.seen - cells[i]!.due) ** 2 / cells[i]!.due);
  return { statistic, freedom: Math.max(1, cells.length - 1) };
}

/** The statistic that a right sampler exceeds once in 10^9 (Wilson & Hilferty 1931, z = 6). */
export function chiSquareLimit(freedom: number): number {
  const step = 2 / (9 * freedom);
  return freedom * (1 - step + 6 * Math.sqrt(step)) ** 3;
}

/** Pearson's statistic of draws from a policy, against what one in 10^9 right samplers exceeds. */
function judgeDraws(draws: Row, logPolicy: Row): Judgement {
  const observed = new Float64Array(logPolicy.length);
  for (let i = 0; i < draws.length; i++) observed[draws[i]!]! += 1;
  const expected = probabilities(logPolicy).map((probability) => probability * count);
  const compared = { what: `times that each token came in ${count} draws`, expected, got: observed };
  const { statistic, freedom } = chiSquare(observed, expected);
  const possible = observed.every((seen, a) => seen === 0 || expected[a]! > 0);
  const all = sumOver(observed.length, (a) => observed[a]!) === count;
  const error = all && possible ? statistic : Number.POSITIVE_INFINITY;
  return { error, tolerance: chiSquareLimit(freedom), compared };
}

const seeds = fc.nat({ max: 2 ** 31 - 1 });

const frequencies = defineLaw({
  name: "sampling-frequencies",
  statement: "Tokens are drawn as often as their probabilities say.",
  needs: ["sample"],
  cases: fc.record({ pair: genericPair, seed: seeds }),
  async judge(subject, { pair, seed }) {
    const logPolicy = policyRow(pair.preference);
    return judgeDraws(await subject.sample(logPolicy, { count, seed }), logPolicy);
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
    // Where a threshold falls on a token's very probability, rounding decides, and either is right.
    if (margin < 1e-5) return { error: 0, tolerance: 0 };
    return judgeDraws(await subject.sampleTruncated(logPolicy, { ...run, count }), left);
  },
});

/** All of them. */
export const samplingLaws: readonly Law[] = [frequencies, truncations];
