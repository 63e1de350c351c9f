/**
 * Bounded Amulet's search for the largest γ within a budget, by one kernel for each look at the vocabulary and float64 in
 * between. It takes the steps of `largestGammaWithin` of @amulet-ts/core, where they are explained; that form, in tensors,
 * is what is verified, and what this one is held to.
 */

/** What the search may do; the words are core's. */
export interface DriftSearch {
  /** Nats that are not exceeded. */
  readonly limit: number;
  /** Nats that are aimed at. */
  readonly wanted: number;
  readonly largestGamma: number;
  /** Looks at the vocabulary. */
  readonly passes: number;
}

/** Of π_γ: the mean and the variance of δ = Δ − centre, and the log of the normaliser of π_pref e^{γδ}. */
export interface Moments {
  readonly mean: number;
  readonly variance: number;
  readonly logZ: number;
}

/** @param logZ what it is about, which saves a look for the largest exponent */
export type LookAt = (gamma: number, centre: number, logZ: number) => Moments;

/** How far below what is aimed at a drift may stay, as its share: less would move γ by no more than float32 tells. */
const nearEnough = 1 - 1e-5;

/** The largest γ of one row. */
export function largestGamma({ limit, wanted, largestGamma, passes }: DriftSearch, lookAt: LookAt): number {
  const start = lookAt(0, 0, 0);
  const centre = Math.fround(start.mean);
  const most = Math.fround(largestGamma);
  let [low, high] = [0, 2 * largestGamma];
  let gamma = Math.fround(Math.min(Math.sqrt((2 * wanted) / (start.variance + tiny)), most));
  let expected = start.logZ + (gamma * gamma * start.variance) / 2;
  for (let pass = 2; pass <= passes; pass++) {
    const { mean, variance, logZ } = lookAt(gamma, centre, expected);
    const drift = gamma * mean - (logZ - start.logZ);
    // What is no number is over.
    const isOver = !(drift <= limit);
    if (isOver) high = gamma;
    else low = Math.max(low, gamma);
    // No later look would find more.
    if (!isOver && (gamma === most || drift >= wanted * nearEnough)) break;
    const next = step({ gamma, mean, variance, drift, isOver }, { low, high, wanted, largestGamma: most });
    // Along the tangent: log Z is convex, and never below it.
    expected = logZ + mean * (Math.fround(next) - gamma);
    gamma = Math.fround(next);
  }
  return low;
}

const tiny = 1e-20;

/** Newton's step for log KL over log γ, not below the knee, and not past a point that was over. */
function step(
  point: Omit<Moments, "logZ"> & { readonly gamma: number; readonly drift: number; readonly isOver: boolean },
  bounds: Pick<DriftSearch, "wanted" | "largestGamma"> & { readonly low: number; readonly high: number },
): number {
  const { gamma, mean, variance, drift, isOver } = point;
  const { low, high, wanted, largestGamma } = bounds;
  const positive = Math.min(Math.max(drift, 1e-12), 1e12);
  const missing = Math.log(wanted / positive);
  const curved = 0.1 * Math.min(missing * missing, 1);
  const exponent = ((missing - curved) * positive) / (gamma * gamma * variance + tiny);
  const newton = Math.min(gamma * Math.exp(Math.min(Math.max(exponent, -80), 80)), largestGamma);
  const knee = isOver ? (0.8 * positive) / Math.max(mean, tiny) : 0;
  const next = Math.max(newton, low, knee);
  return next < high ? next : (low + high) / 2;
}
