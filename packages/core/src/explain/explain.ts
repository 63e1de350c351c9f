/** What the preference changed at one token. On the host, from the rows that decided it, in float64. */
import { argMax } from "../decode/choose.js";
import { CoreError } from "../errors.js";

export interface ExplainOptions {
  /** How many of the other probable tokens to list, 5 by default. */
  readonly alternatives?: number;
}

/** One token as the three policies see it. */
export interface TokenView {
  readonly id: number;
  /** Under the base prompt. */
  readonly baseProbability: number;
  /** Under the preference prompt, or under all of them as one policy. */
  readonly preferenceProbability: number;
  /** Under the method's policy, before temperature, penalties and the like. */
  readonly probability: number;
  /** Δ = log π_pref − log π_base, in nats: above 0 where the preference makes the token more likely. */
  readonly delta: number;
  /** 1 is the most probable token; equals share a rank. */
  readonly baseRank: number;
  readonly preferenceRank: number;
  readonly rank: number;
}

/** Why this token: how it stood, and what would have been said otherwise. */
export interface Explanation extends TokenView {
  /** What the base prompt alone would say here, greedily. */
  readonly baseChoice: TokenView;
  /** What the preference alone would say here, greedily. */
  readonly preferenceChoice: TokenView;
  /** The tokens most probable under the method's policy, best first, without the one that was taken. */
  readonly alternatives: readonly TokenView[];
  /** KL(π ‖ π_base) of the method's policy, in nats. */
  readonly klFromBase: number;
  /** KL(π ‖ π_pref) of the method's policy, in nats. */
  readonly klFromPreference: number;
  /** γ = x − 1 at this token, where the method is one number. */
  readonly gamma?: number;
  /** x at this token. */
  readonly guidanceScale?: number;
}

/** Log-probabilities over the vocabulary, one row of each policy. */
export interface PolicyRows {
  readonly logBase_V: ArrayLike<number>;
  readonly logPreference_V: ArrayLike<number>;
  readonly logPolicy_V: ArrayLike<number>;
}

/** @returns undefined where no explanation is asked for. @throws CoreError `bad-request` */
export function readExplainOptions(
  explain: boolean | ExplainOptions | undefined,
): Required<ExplainOptions> | undefined {
  if (!explain) return undefined;
  const { alternatives = 5 } = explain === true ? {} : explain;
  if (Number.isInteger(alternatives) && alternatives >= 0) return { alternatives };
  throw new CoreError(
    "bad-request",
    `explain.alternatives must be a whole number of at least 0; it is ${alternatives}.`,
  );
}

/**
 * Explains the choice of token `id`.
 *
 * @param gamma γ, where the method is one number
 */
export function explainToken(
  id: number,
  rows: PolicyRows,
  { alternatives = 5 }: ExplainOptions = {},
  gamma?: number,
): Explanation {
  const base = normalise(rows.logBase_V);
  const preference = normalise(rows.logPreference_V);
  const policy = normalise(rows.logPolicy_V);
  const view = (token: number): TokenView => ({
    id: token,
    baseProbability: Math.exp(base[token]!),
    preferenceProbability: Math.exp(preference[token]!),
    probability: Math.exp(policy[token]!),
    delta: preference[token]! - base[token]!,
    baseRank: rankOf(token, base),
    preferenceRank: rankOf(token, preference),
    rank: rankOf(token, policy),
  });
  const others = largest(policy, alternatives + 1).filter((token) => token !== id);
  return {
    ...view(id),
    baseChoice: view(argMax(base)),
    preferenceChoice: view(argMax(preference)),
    alternatives: others.slice(0, alternatives).map(view),
    klFromBase: divergence(policy, base),
    klFromPreference: divergence(policy, preference),
    ...(gamma !== undefined && { gamma, guidanceScale: gamma + 1 }),
  };
}

/** Float32 rows add up to 1 to seven digits; the divergence of near policies wants more. */
function normalise(logs_V: ArrayLike<number>): Float64Array {
  const best = logs_V[argMax(logs_V)]!;
  let mass = 0;
  for (let i = 0; i < logs_V.length; i++) mass += Math.exp(logs_V[i]! - best);
  const logZ = best + Math.log(mass);
  const normalised = new Float64Array(logs_V.length);
  for (let i = 0; i < logs_V.length; i++) normalised[i] = logs_V[i]! - logZ;
  return normalised;
}

/** KL(π ‖ ρ) in nats; never below 0, which rounding could make of equal policies. */
function divergence(policy: Float64Array, other: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < policy.length; i++) {
    const probability = Math.exp(policy[i]!);
    if (probability > 0) sum += probability * (policy[i]! - other[i]!);
  }
  return Math.max(0, sum);
}

function rankOf(token: number, logs_V: Float64Array): number {
  const own = logs_V[token]!;
  let rank = 1;
  for (let i = 0; i < logs_V.length; i++) if (logs_V[i]! > own) rank++;
  return rank;
}

/** Indices of the n largest values, largest first; the first of equals comes first. */
function largest(values: Float64Array, n: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (best.length === n && values[i]! <= values[best[n - 1]!]!) continue;
    const at = best.findIndex((index) => values[index]! < values[i]!);
    best.splice(at < 0 ? best.length : at, 0, i);
    if (best.length > n) best.pop();
  }
  return best;
}
