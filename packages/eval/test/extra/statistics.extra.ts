/** The statistics against scipy's and statsmodels' on the same seeded data, where a Python has them. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { xoshiro128 } from "@amulet-ts/core";
import { describe, expect, test } from "vitest";
import { bootstrapMean } from "../../src/statistics/bootstrap.js";
import { bootstrapClusters } from "../../src/statistics/cluster-bootstrap.js";
import { lengthControlledRate } from "../../src/statistics/length-control.js";
import { holm } from "../../src/statistics/multiple.js";
import { questionsNeeded, signFlipTest } from "../../src/statistics/paired.js";

const python = fileURLToPath(
  new URL("../../../../node_modules/.cache/statistics/bin/python3", import.meta.url),
);
const isHere = existsSync(python);
if (!isHere)
  console.log(
    "Statistics are not compared with scipy's: node_modules/.cache/statistics, which .ci/run makes, is not here.",
  );

const random = xoshiro128(7);
const draw = (count: number, make: (i: number) => number) => Array.from({ length: count }, (_, i) => make(i));
const normal = () => draw(12, random).reduce((sum, value) => sum + value, -6);

const clusters = draw(600, (i) => Math.floor(i / 4));
const effects = draw(150, normal);
const asked = {
  ps: draw(20, (i) => i + 1).map((length) => draw(length, () => random() ** 3)),
  differences: draw(12, (i) => i + 2).map((length) => draw(length, () => Math.floor(7 * random()) - 2)),
  samples: [draw(30, normal), draw(200, random), draw(60, () => Number(random() < 0.2))],
  clustered: { clusters, values: clusters.map((cluster) => effects[cluster]! + 0.5 * normal()) },
  sizes: [0.1, 0.3, 1],
  /** Verdicts that length moves, and undecided ones among them; how much longer the answers are. */
  judged: [20, 100, 805].map((count) => {
    const longer = draw(count, () => Math.round(40 * normal()) + 15);
    const outcomes = longer.map((d) => [0, 0.5, 1][Math.floor(3 * random() ** (d > 0 ? 0.6 : 1.2))]!);
    return [outcomes, longer] as const;
  }),
};

interface Reference {
  readonly holm: number[][];
  readonly flips: number[];
  readonly intervals: [number, number][];
  readonly clusterError: number;
  readonly needed: number[];
  readonly equalLength: number[];
}

describe.skipIf(!isHere)("on seeded data", () => {
  const script = fileURLToPath(new URL("statistics.py", import.meta.url));
  const { stdout, stderr } = isHere
    ? spawnSync(python, [script], { input: JSON.stringify(asked), encoding: "utf8" })
    : { stdout: "{}", stderr: "" };
  if (stdout === "") throw new Error(`The script failed: ${stderr}`);
  const reference = JSON.parse(stdout) as Reference;

  test("Holm's correction is statsmodels'", () => {
    for (const [i, ps] of asked.ps.entries())
      for (const [j, p] of holm(ps).entries()) expect(p).toBeCloseTo(reference.holm[i]![j]!, 12);
  });

  test("the exact test by sign flips is scipy's", () => {
    for (const [i, values] of asked.differences.entries())
      expect(
        signFlipTest(
          values,
          values.map((_, j) => j),
        ),
      ).toBeCloseTo(reference.flips[i]!, 12);
  });

  test("bootstrap intervals are scipy's within what 20,000 resamples leave open", () => {
    for (const [i, values] of asked.samples.entries()) {
      const { low, high } = bootstrapMean(values, { resamples: 20_000 });
      const [expectedLow, expectedHigh] = reference.intervals[i]!;
      // A 2.5 % quantile of n normal draws has the standard error √(0.025 · 0.975 / n) / φ(1.96) = 2.67 σ / √n; of a mean
      // of few possible values the quantile may step to the next, 1 / values.length away at most here.
      const sigma = (expectedHigh - expectedLow) / (2 * 1.96);
      const step = i === 2 ? 1 / values.length : 0;
      const tolerance = 4 * 2.67 * sigma * Math.hypot(1 / Math.sqrt(20_000), 1 / Math.sqrt(100_000)) + step;
      expect(Math.abs(low - expectedLow)).toBeLessThan(tolerance);
      expect(Math.abs(high - expectedHigh)).toBeLessThan(tolerance);
    }
  });

  test("clusters widen an interval as a cluster-robust standard error says", () => {
    const { low, high } = bootstrapClusters(asked.clustered.values, clusters, { resamples: 20_000 });
    const ratio = (high - low) / (2 * 1.96 * reference.clusterError);
    // 150 clusters: the robust error has the factor √(G / (G − 1)), and the two differ in 1/√(2G) of themselves at most.
    expect(Math.abs(ratio - 1)).toBeLessThan(1 / Math.sqrt(2 * 150));
  });

  // AlpacaEval's own regression adds a term for each instruction's difficulty, from other models' results that its package
  // fetches, and brings no annotations: its formula without that term is this one.
  test("the rate at equal length is that of the regression's minimum as scipy finds it", () => {
    for (const [i, [outcomes, longer]] of asked.judged.entries()) {
      expect(new Set(outcomes).size).toBe(3);
      expect(lengthControlledRate(outcomes, longer)).toBeCloseTo(reference.equalLength[i]!, 6);
    }
  });

  test("so many questions are needed as statsmodels says", () => {
    for (const [i, size] of asked.sizes.entries())
      expect(questionsNeeded(asked.samples[0]!, size)).toBe(Math.ceil(reference.needed[i]!));
  });
});
