/**
 * The closed form on plain arrays, for a picture that moves in every frame: what core computes on tensors
 * (docs/algorithm.md, "The collapse"), in float64. Its test compares it with verify's oracle and with core.
 */

/** Natural logarithms of a policy's probabilities, by token id: `[V]`. */
export type LogPolicy = ArrayLike<number>;

/** Both prompts' policies at one place. */
export interface Place {
  readonly base: LogPolicy;
  readonly preference: LogPolicy;
  /** Whose logarithms they are, where not the whole vocabulary's in its order. */
  readonly ids?: readonly number[];
}

/** log π_x, where π_x ∝ π_base^(1−x) · π_pref^x. */
export function tiltPolicy({ base, preference }: Place, x: number): Float64Array {
  const log_V = Float64Array.from(preference, (log, id) => base[id]! + x * (log - base[id]!));
  const mass = logMass(log_V);
  return log_V.map((score) => score - mass);
}

function logMass(score_V: LogPolicy): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < score_V.length; id++) most = Math.max(most, score_V[id]!);
  let mass = 0;
  for (let id = 0; id < score_V.length; id++) mass += Math.exp(score_V[id]! - most);
  return most + Math.log(mass);
}

/** Both policies with a mass of one: what was rounded on its way has a little more or less. */
export function normalise(place: Place): Place {
  return { base: tiltPolicy(place, 0), preference: tiltPolicy(place, 1) };
}

/** KL(π ‖ ρ) in nats. */
export function divergence(log_V: LogPolicy, from_V: LogPolicy): number {
  let sum = 0;
  for (let id = 0; id < log_V.length; id++) sum += Math.exp(log_V[id]!) * (log_V[id]! - from_V[id]!);
  return sum;
}

/**
 * The largest x in [1, `largest`] with KL(π_x ‖ π_pref) ≤ `nats`. The drift grows with x from 0 at x = 1, with the
 * slope (x − 1)·Var(Δ): Newton's steps where they stay in the bracket, halvings where they don't, and the answer is the
 * bracket's lower end, which fits.
 */
export function strengthWithin(place: Place, nats: number, largest: number): number {
  const preference_V = tiltPolicy(place, 1);
  const drift = (x: number) => driftAt(place, preference_V, x);
  if (drift(largest).nats <= nats) return largest;
  let [low, high, x] = [1, largest, (1 + largest) / 2];
  for (let step = 0; step < 60 && high - low > 1e-10 * high; step++) {
    const { nats: here, slope } = drift(x);
    if (here <= nats) low = x;
    else high = x;
    // A hair to the safe side, so that steps which come from above end below.
    const next = x - (here - nats) / slope - 1e-11 * x;
    x = next > low && next < high ? next : (low + high) / 2;
  }
  return low;
}

function driftAt(place: Place, preference_V: LogPolicy, x: number): { nats: number; slope: number } {
  const log_V = tiltPolicy(place, x);
  let [nats, mean, square] = [0, 0, 0];
  for (let id = 0; id < log_V.length; id++) {
    const probability = Math.exp(log_V[id]!);
    const delta = place.preference[id]! - place.base[id]!;
    nats += probability * (log_V[id]! - preference_V[id]!);
    mean += probability * delta;
    square += probability * delta * delta;
  }
  return { nats, slope: (x - 1) * (square - mean * mean) };
}

/** The strength in use: x, or as much of it as a budget leaves. Up to x = 1 there is nothing to bound. */
export function strengthUsed(
  place: Place,
  { x, nats }: { readonly x: number; readonly nats: number },
): number {
  return Number.isFinite(nats) && x > 1 ? strengthWithin(place, nats, x) : x;
}

/** The most probable token. */
export function bestToken(log_V: LogPolicy): number {
  let best = 0;
  for (let id = 1; id < log_V.length; id++) if (log_V[id]! > log_V[best]!) best = id;
  return best;
}

/** Those that some strength of the dial makes probable, the best first: bars that stay where they are while it turns. */
export function candidatesAt(place: Place, strengths: readonly number[], count: number): number[] {
  const policies = strengths.map((x) => tiltPolicy(place, x));
  const most_V = policies[0]!.map((_, id) => Math.max(...policies.map((log_V) => log_V[id]!)));
  const found: number[] = [];
  for (let id = 0; id < most_V.length; id++) {
    if (found.length === count && most_V[id]! <= most_V[found.at(-1)!]!) continue;
    const at = found.findIndex((other) => most_V[other]! < most_V[id]!);
    found.splice(at < 0 ? found.length : at, 0, id);
    if (found.length > count) found.pop();
  }
  return found;
}

/** What the heat map colours a token by. */
export interface TokenMeasures {
  /** log π_pref − log π_base of the token that was said. */
  readonly delta: number;
  /** KL(π ‖ π_pref), KL(π ‖ π_base), in nats. */
  readonly fromPreference: number;
  readonly fromBase: number;
  /** The x that was used. */
  readonly x: number;
  /** What each would have said here. */
  readonly wouldSay: { readonly base: number; readonly preference: number; readonly policy: number };
  readonly probability: number;
}

export function measureToken(
  place: Place,
  id: number,
  setting: { readonly x: number; readonly nats: number },
): TokenMeasures {
  const x = strengthUsed(place, setting);
  const log_V = tiltPolicy(place, x);
  return {
    delta: place.preference[id]! - place.base[id]!,
    fromPreference: divergence(log_V, place.preference),
    fromBase: divergence(log_V, place.base),
    x,
    wouldSay: {
      base: bestToken(place.base),
      preference: bestToken(place.preference),
      policy: bestToken(log_V),
    },
    probability: Math.exp(log_V[id]!),
  };
}
