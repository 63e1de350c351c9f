/**
 * The closed form on plain arrays, for a picture that moves in every frame: what core computes on tensors
 * (docs/algorithm.md, "The collapse"), in float64. Its test compares the two.
 */

/** Natural logarithms of a policy's probabilities, by token id: `[V]`. */
export type LogPolicy = readonly number[];

/** log π_x, where π_x ∝ π_base^(1−x) · π_pref^x. */
export function tiltPolicy(logBase_V: LogPolicy, logPreference_V: LogPolicy, x: number): number[] {
  const scores_V = logPreference_V.map((logPreference, id) => {
    const logBase = logBase_V[id]!;
    return logBase + x * (logPreference - logBase);
  });
  const largest = scores_V.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const mass = scores_V.reduce((sum, score) => sum + Math.exp(score - largest), 0);
  const logMass = largest + Math.log(mass);
  return scores_V.map((score) => score - logMass);
}

/** KL(π ‖ ρ) in nats. */
export function divergence(log_V: LogPolicy, from_V: LogPolicy): number {
  return log_V.reduce((sum, log, id) => sum + Math.exp(log) * (log - from_V[id]!), 0);
}

/**
 * The largest x in [1, `largest`] with KL(π_x ‖ π_pref) ≤ `nats`. The drift grows with x from 0 at x = 1, so it is
 * halved towards, from the side that fits.
 */
export function strengthWithin(
  logBase_V: LogPolicy,
  logPreference_V: LogPolicy,
  nats: number,
  largest: number,
): number {
  const preference_V = tiltPolicy(logBase_V, logPreference_V, 1);
  const fits = (x: number) => divergence(tiltPolicy(logBase_V, logPreference_V, x), preference_V) <= nats;
  if (fits(largest)) return largest;
  let [low, high] = [1, largest];
  for (let halving = 0; halving < 40; halving++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}
