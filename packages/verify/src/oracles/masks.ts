/** Which tokens a policy finds plausible, from the definitions of the three masks. */
import { largest, logSoftmax, probabilities, type Row, sumOver } from "./distribution.js";

/** Top-p's nucleus with ties, min-p's share of the best, top-nσ's standard deviations below the best logit. */
export interface MaskRule {
  readonly kind: "nucleus" | "min-p" | "top-n-sigma";
  readonly value: number;
}

/** Kept tokens, and how far the nearest decision is from falling otherwise, in the units that the rule compares. */
export interface Kept {
  readonly tokens: readonly boolean[];
  readonly margin: number;
}

/** By definition. */
export function keptTokens(logPolicy: Row, { kind, value }: MaskRule): Kept {
  if (kind === "nucleus") return nucleus(logPolicy, value);
  const log = Array.from(logPolicy);
  const reach = kind === "min-p" ? -Math.log(value) : value * standardDeviation(log);
  const least = largest(log) - reach;
  return {
    tokens: log.map((entry) => entry >= least),
    margin: Math.min(...log.filter(isPossible).map((entry) => Math.abs(entry - least))),
  };
}

/** What is left of a policy, normalised over it. */
export function mask(logPolicy: Row, kept: readonly boolean[]): Float64Array {
  return logSoftmax(Array.from(logPolicy, (value, a) => (kept[a] ? value : Number.NEGATIVE_INFINITY)));
}

/** Takes from the top until p is reached, then whatever ties with the last. */
function nucleus(logPolicy: Row, p: number): Kept {
  const probability = probabilities(logPolicy);
  const order = [...probability.keys()].sort((a, b) => probability[b]! - probability[a]!);
  const sums = order.map((_, rank) => sumOver(rank + 1, (i) => probability[order[i]!]!));
  const last = sums.findIndex((sum) => sum >= p);
  const least = probability[order.at(last)!]!;
  return {
    tokens: Array.from(probability, (value) => value >= least),
    margin: Math.min(...sums.map((sum) => Math.abs(sum - p))),
  };
}

const isPossible = (log: number) => Math.exp(log) > 0;

function standardDeviation(log: readonly number[]): number {
  const possible = log.filter(isPossible);
  const average = (value: (i: number) => number) => sumOver(possible.length, value) / possible.length;
  const mean = average((i) => possible[i]!);
  return Math.sqrt(average((i) => (possible[i]! - mean) ** 2));
}
