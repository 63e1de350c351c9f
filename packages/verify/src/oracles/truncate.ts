/** What sampling options leave of a policy, from their definitions. */
import { logSoftmax, type Row, tabulate } from "./distribution.js";

/** Temperature, then top-k, then top-p, then min-p. */
export interface Truncation {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

/** What is left, and how far the two thresholds are from deciding otherwise. */
export interface Truncated {
  /** Normalised; −Infinity where a token is out. */
  readonly logPolicy: Float64Array;
  /** The least |probability − threshold|, as a share of the threshold, over what top-p and min-p looked at. */
  readonly margin: number;
}

/** Applies the options one after the other, each to what the ones before it left, normalised anew. */
export function truncate(logPolicy: Row, { temperature, topK, topP, minP }: Truncation): Truncated {
  const sharpened = logSoftmax(tabulate(logPolicy.length, (a) => logPolicy[a]! / temperature));
  const order = [...sharpened.keys()].sort((a, b) => sharpened[b]! - sharpened[a]! || a - b);
  const few = topK === 0 ? order : order.slice(0, topK);
  const share = shareOf(sharpened, few);
  const sums = few.map((_, rank) => few.slice(0, rank + 1).reduce((sum, a) => sum + share(a), 0));
  const last = topP === 1 ? few.length - 1 : sums.findIndex((sum) => sum >= topP);
  const nucleus = few.slice(0, last < 0 ? few.length : last + 1);
  const ratio = (a: number) => Math.exp(sharpened[a]! - sharpened[order[0]!]!);
  const kept = new Set(nucleus.filter((a) => ratio(a) >= minP));
  const margins = [
    ...(topP === 1 ? [] : sums.map((sum) => Math.abs(sum / topP - 1))),
    ...(minP === 0 ? [] : nucleus.map((a) => Math.abs(ratio(a) / minP - 1))),
  ];
  return {
    logPolicy: logSoftmax(sharpened.map((value, a) => (kept.has(a) ? value : Number.NEGATIVE_INFINITY))),
    margin: Math.min(Number.POSITIVE_INFINITY, ...margins),
  };
}

/** A token's share of the probability of a list of tokens. */
function shareOf(logPolicy: Row, tokens: readonly number[]): (token: number) => number {
  const total = tokens.reduce((sum, a) => sum + Math.exp(logPolicy[a]!), 0);
  return (token) => Math.exp(logPolicy[token]!) / total;
}
