/** How sure a mean is: the percentile bootstrap (Efron 1979), resampling whole observations with replacement. */
import { xoshiro128 } from "@amulet-ts/core";
import { EvaluationError } from "../errors.js";
import { quantileOfSorted } from "./quantile.js";

/** A mean and where it lies with the probability `level`; in the unit of the values. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** How many resamples; default 2,000. */
  readonly resamples?: number;
  /** The probability that the interval is to cover, between 0 and 1; default 0.95. */
  readonly level?: number;
  /** Seed of the draws; default 0. Equal seeds draw equal observations, whatever the values are. */
  readonly seed?: number;
}

/**
 * The mean of the values and its percentile interval: from the (1 − level)/2 quantile of the resampled means to the
 * (1 + level)/2 quantile. Observations must be independent of each other; they need not be normal.
 *
 * @param values at least one, all finite
 * @throws EvaluationError `bad-statistics`
 */
export function bootstrapMean(values: readonly number[], options: BootstrapOptions = {}): Interval {
  const { resamples = 2000, level = 0.95, seed = 0 } = options;
  checkOptions(resamples, level);
  checkValues(values);
  const means = resampledMeans(values, resamples, seed);
  const tail = (1 - level) / 2;
  return {
    mean: meanOf(values),
    low: quantileOfSorted(means, tail),
    high: quantileOfSorted(means, 1 - tail),
  };
}

/**
 * The mean of `after − before`, observation by observation, with its interval. What both share, such as a question
 * that is easy under every setting, cancels out: narrower than what two separate intervals would tell.
 *
 * @throws EvaluationError `bad-statistics` where the lists differ in length
 */
export function bootstrapDifference(
  before: readonly number[],
  after: readonly number[],
  options: BootstrapOptions = {},
): Interval {
  if (before.length !== after.length) {
    throw new EvaluationError(
      "bad-statistics",
      `Paired values are expected; there are ${before.length} before and ${after.length} after.`,
    );
  }
  return bootstrapMean(
    after.map((value, i) => value - before[i]!),
    options,
  );
}

/** Whether two intervals have no value in common: what "apart" means in every claim of the study. */
export function areApart(a: Interval, b: Interval): boolean {
  return a.high < b.low || b.high < a.low;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The means of the resamples, in ascending order. */
function resampledMeans(values: readonly number[], resamples: number, seed: number): Float64Array {
  const random = xoshiro128(seed);
  const n = values.length;
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)]!;
    means[r] = sum / n;
  }
  return means.sort();
}

function checkOptions(resamples: number, level: number): void {
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new EvaluationError(
      "bad-statistics",
      `resamples must be a whole number of at least 1; it is ${resamples}.`,
    );
  }
  if (!(level > 0 && level < 1))
    throw new EvaluationError(
      "bad-statistics",
      `level must be between 0 and 1, both excluded; it is ${level}.`,
    );
}

function checkValues(values: readonly number[]): void {
  if (values.length === 0)
    throw new EvaluationError(
      "bad-statistics",
      "There are no values to take the mean of: give at least one.",
    );
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new EvaluationError(
      "bad-statistics",
      `Finite values are expected; value ${bad} is ${values[bad]}.`,
    );
  }
}
