/** Statistics of pairs and clusters, against enumerations and integrals that are written from the definitions. */
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { paretoFront } from "../src/reports/pareto.js";
import { bootstrapMean } from "../src/statistics/bootstrap.js";
import { bootstrapClusters } from "../src/statistics/cluster-bootstrap.js";
import { holm } from "../src/statistics/multiple.js";
import { questionsNeeded, signFlipTest, winRate } from "../src/statistics/paired.js";

const ownCluster = (values: readonly number[]) => values.map((_, i) => i);
const small = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 9 });

describe("holm", () => {
  const p = fc.double({ min: 0, max: 1, noNaN: true });

  property.prop([fc.array(p, { minLength: 1, maxLength: 7 })])(
    "is the closure of Bonferroni's test: the worst of all intersections that a hypothesis is in",
    (ps) => {
      const subsets = Array.from({ length: 2 ** ps.length }, (_, bits) =>
        ps.flatMap((_, i) => ((bits >> i) & 1 ? [i] : [])),
      );
      const closure = ps.map((_, i) =>
        Math.max(
          ...subsets
            .filter((subset) => subset.includes(i))
            .map((subset) => Math.min(1, subset.length * Math.min(...subset.map((j) => ps[j]!)))),
        ),
      );
      for (const [i, adjusted] of holm(ps).entries()) expect(adjusted).toBeCloseTo(closure[i]!, 12);
    },
  );

  test("refuses what is no p-value", () => expect(() => holm([0.1, Number.NaN])).toThrow(/number 1 is NaN/));
});

describe("the test by sign flips", () => {
  property.prop([small])("is the share of all assignments of signs with a sum as far from 0", (values) => {
    const sums = values.reduce((all, value) => all.flatMap((sum) => [sum + value, sum - value]), [0]);
    const seen = Math.abs(values.reduce((sum, value) => sum + value, 0));
    const share = sums.filter((sum) => Math.abs(sum) >= seen).length / sums.length;
    expect(signFlipTest(values, ownCluster(values))).toBeCloseTo(share, 12);
  });

  property.prop([small])("flips whole clusters: values of one cluster are one value, their sum", (values) => {
    const clusters = values.map((_, i) => Math.floor(i / 2));
    const sums = new Map<number, number>();
    for (const [i, value] of values.entries()) sums.set(clusters[i]!, (sums.get(clusters[i]!) ?? 0) + value);
    const joined = [...sums.values()];
    expect(signFlipTest(values, clusters)).toBe(signFlipTest(joined, ownCluster(joined)));
  });

  test("drawn at random it is what a convolution gives, within four standard errors of the draws", () => {
    const values = Array.from({ length: 40 }, (_, i) => (i * 7) % 5).map((value) => value - 1);
    // The distribution of the sum under random signs, by convolution of integers.
    let probabilities = new Map([[0, 1]]);
    for (const value of values) {
      const next = new Map<number, number>();
      for (const [sum, share] of probabilities)
        for (const sign of [1, -1])
          next.set(sum + sign * value, (next.get(sum + sign * value) ?? 0) + share / 2);
      probabilities = next;
    }
    for (const shift of [0, 0.25, 0.5]) {
      // Shrunk towards 0 by flipping the first few values.
      const shifted = values.map((value, i) => (i < values.length * shift ? -value : value));
      const seen = Math.abs(shifted.reduce((sum, value) => sum + value, 0));
      const exact = [...probabilities].reduce(
        (sum, [at, share]) => sum + (Math.abs(at) >= seen ? share : 0),
        0,
      );
      const drawn = signFlipTest(shifted, ownCluster(shifted));
      expect(Math.abs(drawn - exact)).toBeLessThan(4 * Math.sqrt((exact * (1 - exact)) / 10_000) + 1e-4);
    }
  });
});

describe("the bootstrap of clusters", () => {
  test("of single values is the bootstrap of values, to the bit", () => {
    const values = [0.1, 0.5, 0.2, 0.9, 0.4];
    expect(bootstrapClusters(values, ownCluster(values))).toEqual(bootstrapMean(values));
  });

  test("of two clusters has the three means that draws of two can have, as often as they come", () => {
    // Clusters {0} and {1, 1, 1}: twice the first has the mean 0 (1/4), both 3/4 (1/2), twice the second 1 (1/4).
    const [values, clusters] = [
      [0, 1, 1, 1],
      ["a", "b", "b", "b"],
    ] as const;
    const at = (level: number) => bootstrapClusters(values, clusters, { level, resamples: 4000 });
    expect(at(0.9)).toEqual({ mean: 0.75, low: 0, high: 1 });
    expect(at(0.4)).toEqual({ mean: 0.75, low: 0.75, high: 0.75 });
  });

  test("is wider than that of values where the values of a cluster are alike, by the design effect", () => {
    const m = 5;
    const clusters = Array.from({ length: 40 * m }, (_, i) => Math.floor(i / m));
    const values = clusters.map((cluster) => (cluster * 17) % 11);
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    const ratio = width(bootstrapClusters(values, clusters)) / width(bootstrapMean(values));
    // All variance lies between clusters: √m times as wide, and two bootstraps of 2,000 agree to a few percent.
    expect(ratio / Math.sqrt(m)).toBeGreaterThan(0.9);
    expect(ratio / Math.sqrt(m)).toBeLessThan(1.1);
  });

  test("refuses lists that do not fit", () => {
    expect(() => bootstrapClusters([1, 2], [1])).toThrow(/2 values and 1 clusters/);
    expect(() => bootstrapClusters([1, Number.NaN], [1, 1])).toThrow(/Finite values/);
  });
});

describe("wins", () => {
  test("a tie is half a win of each, so that the rates of the two settings add up to 1", () => {
    const differences = [0.5, 0, -0.1, 0.2, 0.01];
    const wins = winRate(differences, ownCluster(differences), { tolerance: 0.05 });
    expect(wins).toMatchObject({ wins: 2, ties: 2, losses: 1, rate: { mean: 0.6 } });
    const back = winRate(
      differences.map((value) => -value),
      ownCluster(differences),
      { tolerance: 0.05 },
    );
    expect(back.rate.mean + wins.rate.mean).toBeCloseTo(1, 12);
    expect(back.rate.low + wins.rate.high).toBeCloseTo(1, 12);
  });
});

describe("power", () => {
  /** Φ by Simpson's rule. */
  const normal = (z: number) => {
    const steps = 2000;
    const h = (z + 9) / steps;
    const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    let sum = 0;
    for (let i = 0; i <= steps; i++)
      sum += density(-9 + i * h) * (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2);
    return (sum * h) / 3;
  };

  test.each([0.02, 0.05, 0.3])(
    "so many questions find %d with probability 0.8, and one less do not",
    (size) => {
      const pilot = [0.1, -0.3, 0.4, 0, 0.2, 0.5, -0.1];
      const mean = pilot.reduce((sum, value) => sum + value) / pilot.length;
      const s = Math.sqrt(pilot.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (pilot.length - 1));
      const power = (n: number) => normal((size * Math.sqrt(n)) / s - 1.959963984540054);
      const n = questionsNeeded(pilot, size);
      expect(power(n)).toBeGreaterThanOrEqual(0.8 - 1e-9);
      expect(power(n - 1)).toBeLessThan(0.8);
    },
  );
});

property.prop([
  fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 })), { minLength: 1 }),
])("a front has no point that another beats, and every other point is beaten by one of it", (points) => {
  const front = paretoFront(points);
  const beats = ([a, b]: readonly number[], [c, d]: readonly number[]) =>
    a! >= c! && b! >= d! && (a! > c! || b! > d!);
  const on = points.filter((_, i) => front[i]);
  for (const [i, point] of points.entries()) expect(on.some((one) => beats(one, point))).toBe(!front[i]);
});
