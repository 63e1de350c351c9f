/** What the preference changed at one token. On the host, from the rows that decided it, in float64. */

import { argMax, topK } from "../decode/ranking.js";
import { CoreError } from "../errors.js";
import { type Columns, readColumns } from "../port/columns.js";
import { checkFields, checkGiven, describeValue, number, numbers, optional, record } from "../port/given.js";
import type { SeenMass } from "../port/log-probabilities.js";

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
  /** The engine did not tell this token after the base prompt: `baseProbability` is the most it may be, `delta` the least. */
  readonly isBaseBound?: true;
  /** As much of the preference prompt: `preferenceProbability` and `delta` are the most they may be. */
  readonly isPreferenceBound?: true;
}

/** Why this token: how it stood, and what would have been said otherwise. */
export interface Explanation extends TokenView {
  /** What the base prompt alone would say here, greedily. */
  readonly baseChoice: TokenView;
  /** What the preference alone would say here, greedily. */
  readonly preferenceChoice: TokenView;
  /** The tokens most probable under the method's policy, best first, without the one that was taken. */
  readonly alternatives: readonly TokenView[];
  /** KL(π ‖ π_base) of the method's policy, in nats; the least it may be where a base probability is the most it may be. */
  readonly klFromBase: number;
  /** KL(π ‖ π_pref) of the method's policy, in nats. */
  readonly klFromPreference: number;
  /** γ = x − 1 at this token, where the method is one number. */
  readonly gamma?: number;
  /** x at this token. */
  readonly guidanceScale?: number;
  /** Where an engine gives the most probable tokens: how much of each prompt's policy it gave. */
  readonly seen?: SeenMass;
}

/** Log-probabilities over the columns, one row of each policy. */
export interface PolicyRows {
  readonly logBase_C: ArrayLike<number>;
  readonly logPreference_C: ArrayLike<number>;
  readonly logPolicy_C: ArrayLike<number>;
}

/** Which tokens the rows hold; absent where they hold all, in their order. */
export interface Given {
  readonly columns: Columns;
  /** How much of the two prompts' policies the rows hold, where that is not all. */
  readonly seen?: SeenMass;
  /** Whether a column's value is the most that it may be. */
  readonly isBaseBound?: (column: number) => boolean;
  readonly isPreferenceBound?: (column: number) => boolean;
}

/** @returns undefined where no explanation is asked for. @throws CoreError `bad-request` */
export function readExplainOptions(
  explain: boolean | ExplainOptions | undefined,
): Required<ExplainOptions> | undefined {
  if (!explain) return undefined;
  if (explain !== true) checkGiven(explain, record, "explain");
  const { alternatives = 5 } = explain === true ? {} : explain;
  if (Number.isInteger(alternatives) && alternatives >= 0) return { alternatives };
  throw new CoreError(
    "bad-request",
    `explain.alternatives must be a whole number of at least 0; it is ${describeValue(alternatives)}.`,
  );
}

/**
 * Explains the choice of token `id`.
 *
 * The divergences are those of the policy that was chosen from, which gives nothing to tokens without a column; ranks
 * count tokens with one.
 *
 * @param id one of the rows' tokens
 * @param gamma γ, where the method is one number
 */
export function explainToken(
  id: number,
  rows: PolicyRows,
  options: ExplainOptions = {},
  gamma?: number,
  given?: Given,
): Explanation {
  checkRows(rows);
  checkGiven(gamma, optional(number), "gamma (γ)");
  const { alternatives } = readExplainOptions(options) ?? { alternatives: 5 };
  const { columns, seen, ...part }: Given = given ?? { columns: readColumns(rows.logPolicy_C.length) };
  // Of a part nothing says what it should add up to.
  const [base, preference] = [rows.logBase_C, rows.logPreference_C].map((row) =>
    seen ? Float64Array.from(row) : normalise(row),
  ) as [Float64Array, Float64Array];
  const policy = normalise(rows.logPolicy_C);
  const view = (column: number): TokenView => ({
    id: columns.idOf(column),
    baseProbability: Math.exp(base[column]!),
    preferenceProbability: Math.exp(preference[column]!),
    probability: Math.exp(policy[column]!),
    delta: preference[column]! - base[column]!,
    baseRank: rankOf(column, base),
    preferenceRank: rankOf(column, preference),
    rank: rankOf(column, policy),
    ...(part.isBaseBound?.(column) && { isBaseBound: true }),
    ...(part.isPreferenceBound?.(column) && { isPreferenceBound: true }),
  });
  const taken = columns.columnOf(id);
  if (taken === undefined)
    throw new CoreError("bad-request", `There is no token ${describeValue(id)} among those of the rows.`);
  const others = topK(policy, alternatives + 1).filter((column) => column !== taken);
  return {
    ...view(taken),
    baseChoice: view(argMax(base)),
    preferenceChoice: view(argMax(preference)),
    alternatives: others.slice(0, alternatives).map(view),
    klFromBase: divergence(policy, base),
    klFromPreference: divergence(policy, preference),
    ...(gamma !== undefined && { gamma, guidanceScale: gamma + 1 }),
    ...(seen && { seen }),
  };
}

function checkRows(rows: PolicyRows): void {
  checkFields(rows, { logBase_C: numbers, logPreference_C: numbers, logPolicy_C: numbers }, "the rows");
  const [base, preference, policy] = [rows.logBase_C, rows.logPreference_C, rows.logPolicy_C];
  if (policy.length > 0 && base.length === policy.length && preference.length === policy.length) return;
  throw new CoreError(
    "shape-mismatch",
    `The three rows must have the same columns, and some; they have ${base.length}, ${preference.length} and ${policy.length}.`,
  );
}

/** Float32 rows add up to 1 to seven digits; the divergence of near policies wants more. */
function normalise(logs_C: ArrayLike<number>): Float64Array {
  const best = logs_C[argMax(logs_C)]!;
  let mass = 0;
  for (let i = 0; i < logs_C.length; i++) mass += Math.exp(logs_C[i]! - best);
  const logZ = best + Math.log(mass);
  const normalised = new Float64Array(logs_C.length);
  for (let i = 0; i < logs_C.length; i++) normalised[i] = logs_C[i]! - logZ;
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

function rankOf(column: number, logs_C: Float64Array): number {
  const own = logs_C[column]!;
  let rank = 1;
  for (let i = 0; i < logs_C.length; i++) if (logs_C[i]! > own) rank++;
  return rank;
}
