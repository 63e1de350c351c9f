/**
 * How far rounding alone may carry a right implementation: first-order bounds, token by token, computed beside
 * the oracle. u is the unit roundoff of the subject's type. An error that all tokens share does not count: the
 * normalisation removes it, at the price of one sum over the vocabulary, V·u at worst.
 */
import { type AmuletParameters, runLoop } from "../oracles/amulet.js";
import { expectation, logSumExp, type Row, tabulate } from "../oracles/distribution.js";
import { type Judgement, strain } from "./judgement.js";

/** log of the smallest positive float64: everything below has probability 0 in every type. */
export const logSmallest = -700;

/** Roundings per token in one step: utility 2, mean 3, pull 5, log-softmax 3. */
const stepRoundings = 13;

/** Compares two log-policies where they matter; reports the token with the largest share of its bound used. */
export function comparePolicies(got: Row, expected: Row, bound: Row, what = "log-policy"): Judgement {
  if (got.length !== expected.length) {
    const compared = { what: `tokens of the ${what}`, expected: expected.length, got: got.length };
    return { error: Number.POSITIVE_INFINITY, tolerance: 0, compared };
  }
  let worst = { error: 0, tolerance: bound[0]!, entry: 0 };
  for (let a = 0; a < expected.length; a++) {
    const error = Math.abs(Math.max(got[a]!, logSmallest) - Math.max(expected[a]!, logSmallest));
    const judgement = { error, tolerance: bound[a]!, entry: a };
    if (strain(judgement) > strain(worst)) worst = judgement;
  }
  const { error, tolerance, entry } = worst;
  return { error, tolerance, compared: { what, expected, got, entry } };
}

/** Compares two numbers. */
export function compareNumbers(what: string, got: number, expected: number, tolerance: number): Judgement {
  return { error: Math.abs(got - expected), tolerance, compared: { what, expected, got } };
}

/** Compares two numbers by their ratio. */
export function compareRatio(what: string, got: number, expected: number, tolerance: number): Judgement {
  const compared = { what: `${what}, as a ratio`, expected, got };
  return { error: Math.abs(got / expected - 1), tolerance, compared };
}

/** Of several judgements the one nearest to, or furthest past, its tolerance. */
export function worstOf(judgements: readonly Judgement[]): Judgement {
  return judgements.reduce((left, right) => (strain(right) > strain(left) ? right : left));
}

/** Bound on a normalised log-policy whose unnormalised scores carry the errors `scoreError`. */
export function normalisedBound(logPolicy: Row, scoreError: Row, unitRoundoff: number): Float64Array {
  const shared = expectation(logPolicy, (a) => scoreError[a]!) + (logPolicy.length + 8) * unitRoundoff;
  return tabulate(logPolicy.length, (a) => scoreError[a]! + Math.abs(logPolicy[a]!) * unitRoundoff + shared);
}

/**
 * Bound on the loop's result. The recursion of the errors is the recursion of the log-policies, with the roundings
 * of each step added: `stepRoundings` of the terms that the step adds up, and one per step already taken for a
 * running mean, which rounds at every update.
 */
export function loopBound(
  logBase: Row,
  logPreference: Row,
  parameters: AmuletParameters,
  unitRoundoff: number,
): Float64Array {
  const { alpha, lambda, eta } = parameters;
  const { logPolicies, utilities } = runLoop(logBase, logPreference, parameters);
  const size = logPreference.length;
  let error = new Float64Array(size);
  const errorSum = new Float64Array(size);
  const termSum = new Float64Array(size);
  utilities.forEach((utility, index) => {
    const t = index + 1;
    const proximal = 1 / (eta * t);
    const next = new Float64Array(size);
    for (let a = 0; a < size; a++) {
      errorSum[a]! += error[a]!;
      termSum[a]! +=
        alpha * (Math.abs(logPolicies[index]![a]!) + Math.abs(logBase[a]!)) + Math.abs(utility[a]!);
      const terms = termSum[a]! / t + lambda * Math.abs(logPreference[a]!);
      const fresh = (terms + proximal * Math.abs(logPolicies[index]![a]!)) / (lambda + proximal);
      const carried = ((alpha * errorSum[a]!) / t + proximal * error[a]!) / (lambda + proximal);
      next[a] = carried + (stepRoundings + t) * unitRoundoff * (fresh + Math.abs(logPolicies[t]![a]!));
    }
    error = next;
  });
  // Without a step the preference row comes back as it was, no better normalised than float32 lets it be.
  const unnormalised = utilities.length === 0 ? Math.abs(logSumExp(logPreference)) : 0;
  return normalisedBound(logPolicies.at(-1)!, error, unitRoundoff).map((bound) => bound + unnormalised);
}

/** Bound on log π_pref + γ (log π_pref − log π_base): four roundings of its terms. */
export function tiltBound(
  logBase: Row,
  logPreference: Row,
  gamma: number,
  expected: Row,
  unitRoundoff: number,
): Float64Array {
  const scoreError = tabulate(logPreference.length, (a) => {
    const [base, preference] = [Math.abs(logBase[a]!), Math.abs(logPreference[a]!)];
    return 4 * unitRoundoff * (preference + Math.abs(gamma) * (preference + base));
  });
  return normalisedBound(expected, scoreError, unitRoundoff);
}

/** Relative bound on x after T steps in float64: its recursion only adds positive terms, eight roundings a step. */
export function scaleBound(iterations: number): number {
  return (8 * iterations + 8) * 2 ** -53;
}

/** Adds bounds token by token. */
export function addBounds(left: Row, right: Row): Float64Array {
  return tabulate(left.length, (a) => left[a]! + right[a]!);
}
