/** The bootstrap where observations come in clusters, such as several answers to one question. */
import { xoshiro128 } from "@amulet-ts/core";
import { EvaluationError } from "../errors.js";
import { type BootstrapOptions, bootstrapMean, type Interval, meanOf } from "./bootstrap.js";
import { quantileOfSorted } from "./quantile.js";

/**
 * The mean of all values and its percentile interval, drawing whole clusters with replacement (Davison and Hinkley 1997,
 * section 3.8): observations of one cluster may depend on each other, clusters may not.
 *
 * @param clusters of each value, the cluster that it is in; of clusters of one value each this is `bootstrapMean`
 * @throws EvaluationError `bad-statistics`
 */
export function bootstrapClusters(
  values: readonly number[],
  clusters: readonly (string | number)[],
  options: BootstrapOptions = {},
): Interval {
  if (values.length !== clusters.length) {
    throw new EvaluationError(
      "bad-statistics",
      `Each value has a cluster; there are ${values.length} values and ${clusters.length} clusters.`,
    );
  }
  const sums = new Map<string | number, { sum: number; count: number }>();
  for (const [i, value] of values.entries()) {
    const cluster = sums.get(clusters[i]!);
    if (cluster) {
      cluster.sum += value;
      cluster.count++;
    } else sums.set(clusters[i]!, { sum: value, count: 1 });
  }
  if (sums.size === values.length) return bootstrapMean(values, options);
  // Checks values and options; of its result only the mean's definition is the same.
  bootstrapMean(values, { ...options, resamples: 1 });
  const { resamples = 2000, level = 0.95, seed = 0 } = options;
  const means = resampledRatios([...sums.values()], resamples, seed);
  const tail = (1 - level) / 2;
  return {
    mean: meanOf(values),
    low: quantileOfSorted(means, tail),
    high: quantileOfSorted(means, 1 - tail),
  };
}

function resampledRatios(
  clusters: readonly { readonly sum: number; readonly count: number }[],
  resamples: number,
  seed: number,
): Float64Array {
  const random = xoshiro128(seed);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let [sum, count] = [0, 0];
    for (let i = 0; i < clusters.length; i++) {
      const drawn = clusters[Math.floor(random() * clusters.length)]!;
      sum += drawn.sum;
      count += drawn.count;
    }
    means[r] = sum / count;
  }
  return means.sort();
}
