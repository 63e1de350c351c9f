/** Laws of drawing tokens. */
import fc from "fast-check";
import { genericPair, policyRow } from "../arbitraries/rows.js";
import { probabilities, type Row, sumOver } from "../oracles/distribution.js";
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

const frequencies = defineLaw({
  name: "sampling-frequencies",
  statement: "Tokens are drawn as often as their probabilities say.",
  needs: ["sample"],
  cases: fc.record({ pair: genericPair, seed: fc.nat({ max: 2 ** 31 - 1 }) }),
  async judge(subject, { pair, seed }) {
    const logPolicy = policyRow(pair.preference);
    const draws = await subject.sample(logPolicy, { count, seed });
    const observed = new Float64Array(logPolicy.length);
    for (let i = 0; i < draws.length; i++) observed[draws[i]!]! += 1;
    const expected = probabilities(logPolicy).map((probability) => probability * count);
    const { statistic, freedom } = chiSquare(observed, expected);
    const all = sumOver(observed.length, (a) => observed[a]!) === count;
    return { error: all ? statistic : Number.POSITIVE_INFINITY, tolerance: chiSquareLimit(freedom) };
  },
});

/** All of them. */
export const samplingLaws: readonly Law[] = [frequencies];
