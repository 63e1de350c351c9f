/** Two settings on the same questions: is the difference more than chance, who wins, how many questions it takes. */
import { xoshiro128 } from "@amulet-ts/core";
import { EvaluationError } from "../errors.js";
import type { BootstrapOptions, Interval } from "./bootstrap.js";
import { meanOf } from "./bootstrap.js";
import { bootstrapClusters } from "./cluster-bootstrap.js";

/**
 * Two-sided p-value of a mean of differences by flipping signs of whole clusters at random (a permutation test for
 * pairs): the share of assignments with a mean at least as far from 0, the one at hand counted in.
 *
 * @param flips how many random assignments; all 2^n are taken where that is no more
 */
export function signFlipTest(
  differences: readonly number[],
  clusters: readonly (string | number)[],
  { flips = 10_000, seed = 0 }: { readonly flips?: number; readonly seed?: number } = {},
): number {
  if (differences.length === 0)
    throw new EvaluationError("bad-statistics", "There are no differences to test: give at least one.");
  const sums = new Map<string | number, number>();
  for (const [i, value] of differences.entries())
    sums.set(clusters[i]!, (sums.get(clusters[i]!) ?? 0) + value);
  // A cluster that is 0 in all is the same with either sign.
  const parts = [...sums.values()].filter((sum) => sum !== 0);
  const scale = parts.reduce((sum, part) => sum + Math.abs(part), 0);
  const far = Math.abs(parts.reduce((sum, part) => sum + part, 0)) - 1e-12 * scale;
  if (2 ** parts.length <= flips) return countAll(parts, far) / 2 ** parts.length;
  const random = xoshiro128(seed);
  let hits = 1;
  for (let flip = 0; flip < flips; flip++) {
    let sum = 0;
    for (const part of parts) sum += random() < 0.5 ? part : -part;
    if (Math.abs(sum) >= far) hits++;
  }
  return hits / (flips + 1);
}

function countAll(parts: readonly number[], far: number): number {
  let hits = 0;
  for (let signs = 0; signs < 2 ** parts.length; signs++) {
    const sum = parts.reduce((total, part, i) => total + ((signs >> i) & 1 ? -part : part), 0);
    if (Math.abs(sum) >= far) hits++;
  }
  return hits;
}

/** How often one setting beats another; a tie is half a win of each. */
export interface WinRate {
  readonly rate: Interval;
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
}

/** @param tolerance differences up to this are ties */
export function winRate(
  differences: readonly number[],
  clusters: readonly (string | number)[],
  { tolerance = 0, ...options }: BootstrapOptions & { readonly tolerance?: number } = {},
): WinRate {
  const outcomes = differences.map((value) => (value > tolerance ? 1 : value < -tolerance ? 0 : 0.5));
  const count = (outcome: number) => outcomes.filter((one) => one === outcome).length;
  return {
    rate: bootstrapClusters(outcomes, clusters, options),
    wins: count(1),
    ties: count(0.5),
    losses: count(0),
  };
}

/**
 * How many questions a two-sided paired test at 5 % needs to find a mean difference of this size with probability 0.8,
 * by the normal approximation: ((1.96 + 0.8416) s / size)², s being the pilot's standard deviation.
 *
 * @param pilot one difference for each question, at least two
 */
export function questionsNeeded(pilot: readonly number[], size: number): number {
  if (pilot.length < 2 || !(size > 0)) {
    throw new EvaluationError(
      "bad-statistics",
      `A pilot of at least two differences and a size above 0 are expected; there are ${pilot.length} and ${size}.`,
    );
  }
  const mean = meanOf(pilot);
  const variance = pilot.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (pilot.length - 1);
  return Math.ceil((zBoth + zPower) ** 2 * (variance / size ** 2));
}

/** Quantiles of the standard normal distribution at 0.975 and 0.8. */
const [zBoth, zPower] = [1.959963984540054, 0.8416212335729143];
