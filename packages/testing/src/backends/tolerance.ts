/**
 * How far float32 may carry logits from the exact ones, from the arithmetic of the backend, the length of its sums and
 * the condition of the model at hand. Derived in docs/tolerances.md; nothing here is fitted to what a backend does.
 *
 * u = 2^-24. A sum of n rounded products is the exact sum of products that are off by √n·u each, to a small factor
 * (Higham and Mary 2019: roundings have no common sign). What is no sum, norms, exponentials, quotients, is off by
 * some u of its own. All of it acts as if each weight were off by that much, so one run of the float64 oracle with every
 * weight off by ±δ tells what it does to the logits.
 */
import { oracleLogits, oracles } from "@amulet-ts/verify";

/** Half the gap between 1 and the next float32. */
export const unitRoundoff = 2 ** -24;

/** Roundings, in units of u, of what IEEE 754 leaves to libraries and WGSL to graphics cards. */
export interface Arithmetic {
  readonly division: number;
  readonly inverseSquareRoot: number;
  /** Of e^x: `exponential` + `perUnit`·|x|. */
  readonly exponential: number;
  readonly perUnit: number;
}

/** IEEE 754 division and root; exponentials of V8, XNNPACK and Eigen, below 2 units in the last place, 2u each. */
const ieee: Arithmetic = { division: 1, inverseSquareRoot: 2, exponential: 4, perUnit: 0 };

/** WGSL, "Floating point accuracy": division 2.5, inverseSqrt 2, exp 3 + 2|x| units in the last place. */
const wgsl: Arithmetic = { division: 5, inverseSquareRoot: 4, exponential: 6, perUnit: 4 };

export function arithmeticOf(backend: string): Arithmetic {
  return backend === "webgpu" ? wgsl : ieee;
}

/**
 * The unit roundoff that a backend's elementary functions amount to, for laws that count each of them as one rounding
 * among several: a quotient or a probability, whose |x| is on average the entropy, below 2 nats in those laws.
 */
export function effectiveRoundoff(backend: string): number {
  const { division, exponential, perUnit } = arithmeticOf(backend);
  const worst = Math.max(division, exponential + 2 * perUnit) / Math.max(ieee.division, ieee.exponential);
  return unitRoundoff * worst;
}

type PlainModel = Parameters<typeof oracleLogits>[0];

/** Numbers that decide how many roundings a weight meets. */
export interface ForwardSizes {
  /** Terms of the longest sum: the widest of model, heads together and feed-forward, or the tokens attended to. */
  readonly longestSum: number;
  /** Tokens attended to. */
  readonly attended: number;
  /** Norms of one block. */
  readonly norms: number;
}

/**
 * Roundings of one block, in u, added as independent ones are, by their squares: the longest sum; each norm's root and
 * three products; RoPE's three; a softmax, its exponentials at distances below the largest score whose mean under the
 * weights is at most ln S; a gate, σ or tanh, at |x| around 1; scale, mask and two residuals.
 */
export function roundingsOfBlock(
  { longestSum, attended, norms }: ForwardSizes,
  { division, inverseSquareRoot, exponential, perUnit }: Arithmetic,
): number {
  const norm = inverseSquareRoot ** 2 + 3;
  const softmax = (exponential + perUnit * Math.log(attended + 1)) ** 2 + division ** 2;
  const gate = (exponential + perUnit) ** 2 + division ** 2 + 3;
  return Math.sqrt(longestSum + norms * norm + 3 + softmax + gate + 4);
}

/** The relative error of a weight in the oracle's second run: far above float64's, far below what bends the logits. */
const nudge = 2 ** -20;

/** Largest change of a logit for weights off by ±1 part each, in linear extrapolation. */
export function conditionOf(model: PlainModel, tokens: readonly number[]): number {
  const exact = oracleLogits(model, tokens);
  const moved = oracleLogits({ ...model, tensors: nudgeTensors(model.tensors) }, tokens);
  const changes = exact.flatMap((row, t) => Array.from(row, (logit, v) => Math.abs(moved[t]![v]! - logit)));
  return Math.max(...changes) / nudge;
}

function nudgeTensors(tensors: oracles.PlainTensors): Map<string, oracles.PlainTensor> {
  let state = 1;
  const sign = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >= 2 ** 31 ? 1 : -1;
  };
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [
      name,
      { shape, data: Float64Array.from(data, (value) => value * (1 + sign() * nudge)) },
    ]),
  );
}

/**
 * Between float32 logits and the exact ones, at any position. The factor 2 is for the luck of one draw of signs: the
 * condition is already the largest of all logits, which of that many normal numbers is four deviations.
 */
export function logitTolerance(
  model: PlainModel,
  tokens: readonly number[],
  sizes: Omit<ForwardSizes, "attended">,
  backend: string,
): number {
  const attended = tokens.length;
  const longestSum = Math.max(sizes.longestSum, attended);
  const roundings = roundingsOfBlock({ ...sizes, longestSum, attended }, arithmeticOf(backend));
  return 2 * roundings * unitRoundoff * conditionOf(model, tokens);
}

/** Half the gap between 1 and the next float16. */
const halfRoundoff = 2 ** -11;

/**
 * What products in f16 add to that: each of a sum's is off by its two operands' rounding, its own and those of three additions,
 * which are independent: √6 roundings, whatever the length, as sums of fours are float32.
 */
export function halfTolerance(model: PlainModel, tokens: readonly number[]): number {
  return 2 * Math.sqrt(6) * halfRoundoff * conditionOf(model, tokens);
}

/** Roundings of one step of the loop for each token: utility 2, mean 3, pull 5, log-softmax 3. */
const stepRoundings = 13;

/**
 * Between two runs of Amulet's loop in float32, as half the sum over tokens of |π − π′|, from one pair of logits.
 *
 * A step rounds each log-policy it makes, |log π_t(a)| ≤ x·(|log π_pref(a)| + |log π_base(a)|), by √13·u of itself. The
 * recursion of such an error is that of x: errors e_t of one size r end as r·x, the last of them with weight 1 and those
 * before it, which a mean joins, with x − 1 together; being independent, as √(1 + (x − 1)²/T). What all tokens share
 * goes out in the normalisation, at the price of a sum over V. The half and the two runs cancel; 2 is the margin.
 */
export function policyTolerance(
  { logBase, logPreference, policy }: Readonly<Record<"logBase" | "logPreference" | "policy", oracles.Row>>,
  { x, iterations }: { readonly x: number; readonly iterations: number },
  backend: string,
): number {
  const sizes = oracles.sumOver(
    policy.length,
    (a) => policy[a]! * (Math.abs(logPreference[a]!) + Math.abs(logBase[a]!)),
  );
  const perStep = Math.sqrt(stepRoundings) * x * Math.sqrt(1 + (x - 1) ** 2 / Math.max(1, iterations));
  return 2 * effectiveRoundoff(backend) * (perStep * sizes + Math.sqrt(policy.length));
}
