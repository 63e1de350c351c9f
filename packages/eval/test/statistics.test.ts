/** The bootstrap against what is known in closed form. */
import { xoshiro128 } from "@amulet-ts/core";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import {
  agreement,
  areApart,
  bootstrapDifference,
  bootstrapMean,
  compareSettings,
  tabulate,
} from "../src/index.js";
import { quantileOfSorted } from "../src/statistics/quantile.js";

/** Standard normal numbers by Box and Muller. */
function normals(count: number, seed: number): number[] {
  const random = xoshiro128(seed);
  const one = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: count }, one);
}

/** mean ± z·s/√n with the deviation that the bootstrap knows of, s² = Σ(v − mean)²/n. */
function closedForm(values: readonly number[], z: number) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, half: (z * Math.sqrt(variance)) / Math.sqrt(values.length) };
}

const z95 = 1.959964;

test("settings are compared on the pairs that have both, pair by pair", () => {
  const cell = (setting: number, pair: number, good: number) => ({
    setting: `dial ${setting}`,
    pair,
    text: `${good}`,
    tokens: 1,
    finishReason: "stop" as const,
    drift: 0,
    scores: { good },
  });
  const [before, after] = [0, 1].map((value) => ({ kind: "dial" as const, value }));
  const table = tabulate([
    ...[1, 2, 3].map((pair) => cell(0, pair, pair / 10)),
    ...[0, 2, 3].map((pair) => cell(1, pair, pair / 10)),
  ]);
  const { difference } = compareSettings(table, before!, after!, ["good"]);
  expect(difference.good).toMatchObject({ mean: 0, low: 0, high: 0 });
  expect(agreement(table, before!, after!)).toBe(1);
});

describe("the percentile bootstrap", () => {
  test("covers the true mean as often as the interval in closed form, and that is 95 %", () => {
    const trials = 1000;
    let [covered, closedCovered] = [0, 0];
    for (let trial = 0; trial < trials; trial++) {
      const values = normals(80, 1000 + trial).map((value) => 3 + 2 * value);
      const { low, high } = bootstrapMean(values, { resamples: 400, seed: trial });
      const { mean, half } = closedForm(values, z95);
      if (low <= 3 && 3 <= high) covered++;
      if (Math.abs(mean - 3) <= half) closedCovered++;
    }
    // z instead of t at n = 80: the closed form itself covers 94.3 %. A share of 1,000 trials is off by 0.7 % (one
    // standard deviation); three of them, and the distance between two methods on the same data is smaller still.
    expect(Math.abs(closedCovered / trials - 0.943)).toBeLessThan(0.022);
    expect(Math.abs(covered / trials - 0.943)).toBeLessThan(0.022);
    expect(Math.abs(covered - closedCovered) / trials).toBeLessThan(0.015);
  });

  test.each([0.5, 0.8, 0.95, 0.99])("has the ends of the closed form at level %d", (level) => {
    const z = { 0.5: 0.67449, 0.8: 1.281552, 0.95: z95, 0.99: 2.575829 }[level]!;
    const values = normals(400, 7).map((value) => 10 + 5 * value);
    const { mean, low, high } = bootstrapMean(values, { level, resamples: 20_000, seed: 1 });
    const expected = closedForm(values, z);
    expect(mean).toBeCloseTo(expected.mean, 12);
    // A quantile of 20,000 resamples is off by √(q(1−q)/20,000)/density: below 4 % of the half width at 0.99.
    expect(mean - low).toBeGreaterThan(0.94 * expected.half);
    expect(mean - low).toBeLessThan(1.06 * expected.half);
    expect(high - mean).toBeGreaterThan(0.94 * expected.half);
    expect(high - mean).toBeLessThan(1.06 * expected.half);
  });

  const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 30 });

  property.prop([values, fc.integer()])("lies between the smallest and the largest value", (list, seed) => {
    const { low, mean, high } = bootstrapMean(list, { resamples: 50, seed });
    const slack = 1e-9 * Math.max(1, ...list.map(Math.abs));
    expect(low).toBeLessThanOrEqual(high);
    for (const end of [low, mean, high]) {
      expect(end).toBeGreaterThanOrEqual(Math.min(...list) - slack);
      expect(end).toBeLessThanOrEqual(Math.max(...list) + slack);
    }
  });

  property.prop([
    fc.array(fc.integer({ min: -99, max: 99 }), { minLength: 1 }),
    fc.integer({ min: -9, max: 9 }),
  ])("moves with its values and turns round with their sign", (list, shift) => {
    const [plain, moved, turned] = [list, list.map((v) => v + shift), list.map((v) => -v)].map((v) =>
      bootstrapMean(v, { resamples: 40, seed: 5 }),
    ) as [
      ReturnType<typeof bootstrapMean>,
      ReturnType<typeof bootstrapMean>,
      ReturnType<typeof bootstrapMean>,
    ];
    expect(moved.low).toBeCloseTo(plain.low + shift, 9);
    expect(moved.high).toBeCloseTo(plain.high + shift, 9);
    expect(turned.low).toBeCloseTo(-plain.high, 9);
    expect(turned.high).toBeCloseTo(-plain.low, 9);
  });

  test("the same seed gives the same interval, another one another", () => {
    const list = normals(50, 3);
    expect(bootstrapMean(list, { seed: 4 })).toEqual(bootstrapMean(list, { seed: 4 }));
    expect(bootstrapMean(list, { seed: 4 }).low).not.toBe(bootstrapMean(list, { seed: 5 }).low);
  });
});

describe("a paired difference", () => {
  test("is narrower than what the separate intervals leave, where both lists share their ups and downs", () => {
    const [common, noise] = [normals(200, 1), normals(200, 2)];
    const before = common.map((value) => 5 * value);
    const after = before.map((value, i) => value + 0.2 + 0.1 * noise[i]!);
    const difference = bootstrapDifference(before, after);
    expect(difference.mean).toBeCloseTo(0.2, 1);
    expect(difference.low).toBeGreaterThan(0);
    expect(areApart(bootstrapMean(before), bootstrapMean(after))).toBe(false);
  });

  test("needs lists of one length", () => {
    expect(() => bootstrapDifference([1, 2], [1])).toThrowError(/2 before and 1 after/);
  });
});

test("intervals that touch are not apart", () => {
  const interval = (low: number, high: number) => ({ mean: (low + high) / 2, low, high });
  expect(areApart(interval(0, 1), interval(1, 2))).toBe(false);
  expect(areApart(interval(0, 1), interval(1.01, 2))).toBe(true);
  expect(areApart(interval(1.01, 2), interval(0, 1))).toBe(true);
});

test("quantiles go straight from neighbour to neighbour", () => {
  expect([0, 0.25, 0.5, 0.9, 1].map((share) => quantileOfSorted([10, 20, 40], share))).toEqual([
    10, 15, 20, 36, 40,
  ]);
  expect(quantileOfSorted([7], 0.3)).toBe(7);
});

test.each([
  [[], {}, "no values"],
  [[1, Number.NaN], {}, "value 1 is NaN"],
  [[1], { resamples: 0 }, "resamples"],
  [[1], { level: 1 }, "level"],
])("refuses %j with %j", (list, options, sentence) => {
  expect(() => bootstrapMean(list, options)).toThrowError(sentence);
});
