/** Causal attention, one query and one head at a time, from the definition. */
import { logSoftmax, probabilities, type Row, sumOver, tabulate } from "../distribution.js";

/** Everything that one block's attention reads, by position and head. */
export interface AttentionRows {
  /** `[T][H]` vectors. */
  readonly queries: readonly (readonly Row[])[];
  /** `[T][G]` vectors each; query head h reads key/value head ⌊h / (H/G)⌋: neighbours share one. */
  readonly keys: readonly (readonly Row[])[];
  readonly values: readonly (readonly Row[])[];
}

/** How scores are made, and how far a query looks back. */
export interface AttentionRule {
  readonly scale: number;
  /** Tokens that a query sees, itself included. */
  readonly window?: number;
  /** c in c·tanh(score/c). */
  readonly softCap?: number;
}

/** Every position's mixture of what it may see: itself and the `window − 1` before it. Heads side by side. */
export function attendCausally(rows: AttentionRows, rule: AttentionRule): Float64Array[] {
  const { window = Number.POSITIVE_INFINITY } = rule;
  const shared = rows.queries[0]!.length / rows.keys[0]!.length;
  return rows.queries.map((heads, position) => {
    const oldest = Math.max(0, position - window + 1);
    const outputs = heads.map((query, head) => {
      const group = Math.floor(head / shared);
      const keys = rows.keys.slice(oldest, position + 1).map((key) => key[group]!);
      const values = rows.values.slice(oldest, position + 1).map((value) => value[group]!);
      return attend(query, keys, values, rule);
    });
    return joinHeads(outputs);
  });
}

/**
 * Σ_s softmax_s(⟨q, k_s⟩ scale) v_s over the keys given. The caller passes the keys that the query may see, so
 * no mask is needed: causality is in the slice.
 */
function attend(
  query: Row,
  keys: readonly Row[],
  values: readonly Row[],
  { scale, softCap }: AttentionRule,
): Float64Array {
  const scores = keys.map((key) => cap(sumOver(query.length, (i) => query[i]! * key[i]!) * scale, softCap));
  const weights = probabilities(logSoftmax(scores));
  return tabulate(values[0]!.length, (i) => sumOver(values.length, (s) => weights[s]! * values[s]![i]!));
}

/** c·tanh(x/c), or x where there is no c. */
export function cap(x: number, softCap: number | null | undefined): number {
  return softCap === undefined || softCap === null ? x : softCap * Math.tanh(x / softCap);
}

/** A vector that holds heads of `width` side by side, cut into them. */
export function splitHeads(vector: Row, width: number): Float64Array[] {
  return Array.from({ length: vector.length / width }, (_, head) => headOf(vector, head, width));
}

/** Head `head` of a vector that holds heads of `width` side by side. */
export function headOf(vector: Row, head: number, width: number): Float64Array {
  return tabulate(width, (i) => vector[head * width + i]!);
}

/** Heads side by side again. */
function joinHeads(heads: readonly Float64Array[]): Float64Array {
  return Float64Array.from(heads.flatMap((head) => [...head]));
}
