/** Causal attention of one head for one query, from the definition. */
import { logSoftmax, probabilities, type Row, sumOver, tabulate } from "./distribution.js";

/**
 * Σ_s softmax_s(⟨q, k_s⟩ scale) v_s over the keys given. The caller passes the keys that the query may see, so
 * no mask is needed: causality is in the slice.
 */
export function attend(
  query: Row,
  keys: readonly Row[],
  values: readonly Row[],
  scale: number,
): Float64Array {
  const scores = keys.map((key) => sumOver(query.length, (i) => query[i]! * key[i]!) * scale);
  const weights = probabilities(logSoftmax(scores));
  return tabulate(values[0]!.length, (i) => sumOver(values.length, (s) => weights[s]! * values[s]![i]!));
}

/** Head `head` of a vector that holds heads of `width` side by side. */
export function headOf(vector: Row, head: number, width: number): Float64Array {
  return tabulate(width, (i) => vector[head * width + i]!);
}

/** Heads side by side again. */
export function joinHeads(heads: readonly Float64Array[]): Float64Array {
  return Float64Array.from(heads.flatMap((head) => [...head]));
}
