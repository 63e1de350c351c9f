/** Choosing a token from a log-policy row on the host. */

import { CoreError, notFinite } from "../errors.js";
import { type Columns, readColumns } from "../port/columns.js";
import {
  checkFields,
  checkGiven,
  count,
  describeValue,
  iterable,
  list,
  listOf,
  numbers,
  record,
} from "../port/given.js";
import { xoshiro128 } from "./random.js";
import { argMax } from "./ranking.js";

/** What a choice may look at besides the policy. */
export interface ChoiceContext {
  /** Tokens of this answer so far, oldest first. */
  readonly generated: readonly number[];
  /** Ids that end the answer. */
  readonly endTokens: ReadonlySet<number>;
  /** Which token each entry of the row is; absent where an entry's number is its token's id. */
  readonly columns?: Columns;
}

/** Picks an entry of one row of log-probabilities, which it must not change. */
export interface Choose {
  /** @returns the entry's number: the token's id, or its column where the context names columns */
  (logPolicy_C: Float32Array, context: ChoiceContext): number;
  /** Whether it is the first of the most probable entries, whatever the context; the row then need not be read. */
  readonly isGreedy?: boolean;
}

/** The order of the fields is the order in which they act. */
export interface SamplingOptions {
  /** Added to the score of these ids. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** Ids never chosen. */
  readonly bannedTokens?: readonly number[];
  /** The answer does not end before this many tokens. */
  readonly minNewTokens?: number;
  /** Divides the score of tokens already in the answer (Keskar et al. 2019); 1 changes nothing. */
  readonly repetitionPenalty?: number;
  /** Subtracted once from the score of tokens already in the answer; 0 changes nothing. */
  readonly presencePenalty?: number;
  /** Subtracted for each time that a token is already in the answer; 0 changes nothing. */
  readonly frequencyPenalty?: number;
  /** 0, the default, takes the most probable token; the fields below then change nothing. */
  readonly temperature?: number;
  /** Only the k most probable tokens; 0 keeps all. */
  readonly topK?: number;
  /** The fewest tokens whose probability reaches p; 1 keeps all. */
  readonly topP?: number;
  /** Only tokens at least p times as probable as the best; 0 keeps all. */
  readonly minP?: number;
  /** Seed of the draws. */
  readonly seed?: number;
}

/** The most probable token. @throws CoreError `not-finite` when the policy holds NaN or nothing is possible */
export const chooseGreedily: Choose = Object.assign((logPolicy_C: Float32Array) => bestFinite(logPolicy_C), {
  isGreedy: true,
});

/**
 * A chooser with its own stream of draws: use one per answer.
 *
 * @throws CoreError `bad-sampling`, naming the option that is out of range
 */
export function createChooser(options: SamplingOptions = {}): Choose {
  checkGiven(options, record, "The sampling options", "bad-sampling");
  const checked = checkSampling(options);
  const random = xoshiro128(checked.seed);
  const banned = new Set(checked.bannedTokens);
  if (isPlain(checked)) return chooseGreedily;
  return (logPolicy_C, context) => {
    bestFinite(logPolicy_C);
    checkFields(context, contextKinds, "the context of the choice");
    const scores_C = penalise(logPolicy_C, context, banned, checked);
    if (scores_C[argMax(scores_C)] === Number.NEGATIVE_INFINITY) {
      throw new CoreError(
        "bad-sampling",
        "No token is left to choose: bannedTokens and minNewTokens forbid all that are possible.",
      );
    }
    return checked.temperature === 0 ? argMax(scores_C) : drawEntry(scores_C, checked, random());
  };
}

/** Nothing changes a score, and nothing is drawn. */
function isPlain({
  logitBias,
  bannedTokens,
  minNewTokens,
  repetitionPenalty,
  presencePenalty,
  frequencyPenalty,
  temperature,
}: Checked): boolean {
  const isBiased = bannedTokens.length > 0 || minNewTokens > 0 || Object.keys(logitBias).length > 0;
  const isChanged = isBiased || repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
  return temperature === 0 && !isChanged;
}

const contextKinds = { generated: list, endTokens: iterable };

type Checked = Required<SamplingOptions>;

const defaults: Checked = {
  logitBias: {},
  bannedTokens: [],
  minNewTokens: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: 0,
};

function checkSampling(options: SamplingOptions): Checked {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const checked: Checked = { ...defaults, ...Object.fromEntries(given) };
  const rules: [keyof Checked, boolean, string][] = [
    ["bannedTokens", listOf(count).holds(checked.bannedTokens), "a list of token ids"],
    ["logitBias", isBias(checked.logitBias), "an object of finite numbers by token id"],
    ["minNewTokens", isCount(checked.minNewTokens), "a whole number of at least 0"],
    ["repetitionPenalty", isPositive(checked.repetitionPenalty), "a finite number above 0"],
    ["presencePenalty", Number.isFinite(checked.presencePenalty), "a finite number"],
    ["frequencyPenalty", Number.isFinite(checked.frequencyPenalty), "a finite number"],
    [
      "temperature",
      Number.isFinite(checked.temperature) && checked.temperature >= 0,
      "a finite number of at least 0",
    ],
    ["topK", isCount(checked.topK), "a whole number of at least 0"],
    ["topP", Number.isFinite(checked.topP) && checked.topP > 0 && checked.topP <= 1, "above 0 and at most 1"],
    ["minP", Number.isFinite(checked.minP) && checked.minP >= 0 && checked.minP <= 1, "between 0 and 1"],
    ["seed", Number.isSafeInteger(checked.seed), "a whole number"],
  ];
  for (const [name, holds, expected] of rules) {
    if (!holds)
      throw new CoreError(
        "bad-sampling",
        `${name} must be ${expected}; it is ${describeValue(checked[name])}.`,
      );
  }
  return checked;
}

const isBias = (value: unknown) =>
  record.holds(value) &&
  Object.entries(value as object).every(([id, bias]) => isCount(Number(id)) && Number.isFinite(bias));
const isCount = (value: number) => Number.isInteger(value) && value >= 0;
const isPositive = (value: number) => Number.isFinite(value) && value > 0;

/** The arg-max of a policy, which a NaN would win or lose without a word: with one, the policy is garbage. */
function bestFinite(logPolicy_C: Float32Array): number {
  checkGiven(logPolicy_C, numbers, "The policy");
  let best = 0;
  let largest = Number.NEGATIVE_INFINITY;
  let isNumber = true;
  for (let i = 0; i < logPolicy_C.length; i++) {
    const value = logPolicy_C[i]!;
    if (value > largest) {
      largest = value;
      best = i;
    } else if (Number.isNaN(value)) isNumber = false;
  }
  if (isNumber && Number.isFinite(largest)) return best;
  throw notFinite(`The policy over ${logPolicy_C.length} tokens`);
}

function penalise(
  logPolicy_C: Float32Array,
  context: ChoiceContext,
  banned: ReadonlySet<number>,
  options: Checked,
): Float32Array {
  const scores_C = logPolicy_C.slice();
  const { columnOf } = context.columns ?? readColumns(logPolicy_C.length);
  const columnsOf = (ids: Iterable<number>) =>
    Array.from(ids, (id) => columnOf(id)).filter((column) => column !== undefined);
  for (const [id, bias] of Object.entries(options.logitBias)) {
    const column = columnOf(Number(id));
    if (column !== undefined) scores_C[column]! += bias;
  }
  for (const [id, count] of countTokens(context.generated)) {
    const column = columnOf(id);
    if (column === undefined) continue;
    // Log-probabilities are never positive, so "divide the score" means: multiply, making it less likely.
    const score = scores_C[column]! * options.repetitionPenalty - options.presencePenalty;
    scores_C[column] = score - count * options.frequencyPenalty;
  }
  const isTooEarly = context.generated.length < options.minNewTokens;
  for (const column of columnsOf([...banned, ...(isTooEarly ? context.endTokens : [])]))
    scores_C[column] = Number.NEGATIVE_INFINITY;
  return scores_C;
}

function countTokens(ids: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

interface Candidate {
  readonly id: number;
  readonly weight: number;
}

/** Temperature, then top-k, top-p and min-p, then an entry of those still in play. @param uniform from [0, 1) */
function drawEntry(
  scores_C: Float32Array,
  { temperature, topK, topP, minP }: Checked,
  uniform: number,
): number {
  const { weights_C, total } = weigh(scores_C, temperature);
  const ordered = inOrder(weights_C);
  const few = topK > 0 ? take(ordered, topK) : ordered;
  if (topP === 1 && minP === 0) return draw(few, uniform * (topK > 0 ? totalWeight(few) : total));
  const mass = topP < 1 ? topP * (topK > 0 ? totalWeight(few) : total) : Number.POSITIVE_INFINITY;
  const kept: Candidate[] = [];
  let reached = 0;
  for (const candidate of few) {
    if (candidate.weight < minP) break;
    kept.push(candidate);
    reached += candidate.weight;
    if (reached >= mass) break;
  }
  return draw(kept, uniform * totalWeight(kept));
}

/** Unnormalised probabilities, the largest 1. */
function weigh(scores_C: Float32Array, temperature: number) {
  const best = scores_C[argMax(scores_C)]!;
  const weights_C = new Float64Array(scores_C.length);
  let total = 0;
  for (let id = 0; id < scores_C.length; id++) {
    const weight = Math.exp((scores_C[id]! - best) / temperature);
    weights_C[id] = weight;
    total += weight;
  }
  return { weights_C, total };
}

/** How much less probable each band of {@link inOrder} begins than the one before. */
const bandShare = 2 ** -10;

/**
 * What is possible, most probable first, the first of equals before the others. Sorted band by band: whoever stops early
 * leaves the rest of the vocabulary as it is.
 */
function* inOrder(weights_C: Float64Array): Generator<Candidate> {
  for (
    let below = Number.POSITIVE_INFINITY, least = bandShare;
    below > 0;
    below = least, least *= bandShare
  ) {
    if (least < Number.EPSILON) least = 0;
    const band: Candidate[] = [];
    for (let id = 0; id < weights_C.length; id++) {
      const weight = weights_C[id]!;
      if (weight >= least && weight < below && weight > 0) band.push({ id, weight });
    }
    yield* band.sort((a, b) => b.weight - a.weight || a.id - b.id);
  }
}

function take(candidates: Iterable<Candidate>, count: number): Candidate[] {
  const taken: Candidate[] = [];
  for (const candidate of candidates) if (taken.push(candidate) === count) break;
  return taken;
}

/** The candidate that weights added up in order reach `point` with. */
function draw(candidates: Iterable<Candidate>, point: number): number {
  let left = point;
  let last = 0;
  for (const { id, weight } of candidates) {
    left -= weight;
    last = id;
    if (left < 0) break;
  }
  return last;
}

function totalWeight(candidates: Iterable<Candidate>): number {
  let total = 0;
  for (const { weight } of candidates) total += weight;
  return total;
}
