/**
 * Grouped-query attention of one row over its cache, as rank-2 matrix products: the only ones that run at full
 * speed on the wasm backend. R = H/G query heads share a key/value head; E = H·K, M = G·K, Z = N·H, P = T·R.
 */

import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import {
  add,
  concat,
  matMul,
  mul,
  reshape,
  sliceColumns,
  sliceRows,
  softmax,
  sumOver,
  transpose,
} from "./direct.js";
import { appendTokens, type BlockCache, type RowCache } from "./kv-cache.js";

export interface HeadShape {
  /** H: query heads. */
  readonly heads: number;
  /** G: key/value heads; divides H. */
  readonly groups: number;
  /** K: width of a head. */
  readonly headWidth: number;
}

/** What attention needs beside queries, keys and values; made once for a model by {@link attentionConstants}. */
export interface AttentionConstants extends HeadShape {
  /** Factor on the scores, 1/√K in most families: `[1, 1]`. */
  readonly scale_11: Tensor2D;
  /** 1 where a query head and a key/value head belong together, else 0: `[H, G, 1]`. */
  readonly kinship_HG1: Tensor3D;
  /** The same with the factor on the scores in place of 1. */
  readonly scaledKinship_HG1: Tensor3D;
  /** c in c·tanh(score/c), where a family bounds its scores. */
  readonly softCap?: number;
}

export function attentionConstants(shape: HeadShape, scale: number, softCap?: number): AttentionConstants {
  const { heads, groups, headWidth } = shape;
  return {
    heads,
    groups,
    headWidth,
    scale_11: tf.tensor2d([[scale]]),
    kinship_HG1: headKinship(shape, 1),
    scaledKinship_HG1: headKinship(shape, scale),
    ...(softCap !== undefined && { softCap }),
  };
}

export function disposeAttention({ scale_11, kinship_HG1, scaledKinship_HG1 }: AttentionConstants): void {
  tf.dispose([scale_11, kinship_HG1, scaledKinship_HG1]);
}

/** Stands for −∞ under a softmax; far below any score, and finite, so that a masked row cannot make NaN. */
const masked = -1e9;

function headKinship({ heads, groups }: HeadShape, factor: number): Tensor3D {
  const shared = heads / groups;
  const related = Float32Array.from({ length: heads * groups }, (_, i) =>
    Math.floor(Math.floor(i / groups) / shared) === i % groups ? factor : 0,
  );
  return tf.tensor3d(related, [heads, groups, 1]);
}

/** Heads side by side to heads one below the other: `[N, H·K]` → `[N·H, K]`. */
export function splitHeads(x_NE: Tensor2D, headWidth: number): Tensor2D {
  return reshape(x_NE, [x_NE.size / headWidth, headWidth]);
}

/**
 * Which of S tokens each of the last T sees: 0 where it does, −1e9 where not, `[T, S]`; nothing where all see all.
 */
function attentionMask(newTokens: number, attended: number, window: number): Tensor2D | undefined {
  if (newTokens === 1 && attended <= window) return undefined;
  const mask = new Float32Array(newTokens * attended);
  for (let t = 0; t < newTokens; t++) {
    const position = attended - newTokens + t;
    const row = mask.subarray(t * attended, (t + 1) * attended);
    row.fill(masked, position + 1);
    if (position >= window) row.fill(masked, 0, position - window + 1);
  }
  return tf.tensor2d(mask, [newTokens, attended]);
}

/** The mask of each row of a batch; nothing where all of its new tokens see all. */
export type RowMasks = readonly (Tensor2D | undefined)[];

/**
 * The rows' masks for each window that occurs, shared by all blocks that have it.
 *
 * @param windows tokens a query of each block sees, itself included; Infinity for full attention
 */
export function attentionMasks(
  lengths: readonly number[],
  caches: readonly RowCache[],
  windows: readonly number[],
): ReadonlyMap<number, RowMasks> {
  const masksFor = (window: number) =>
    lengths.map((length, b) => attentionMask(length, caches[b]!.length + length, window));
  return new Map([...new Set(windows)].map((window) => [window, masksFor(window)]));
}

export interface AttentionResult {
  readonly mixed_NE: Tensor2D;
  /** Each row's cache in this block, its new tokens included. */
  readonly caches: readonly BlockCache[];
}

/**
 * Attention of all rows: each over its own cache and its own new tokens, nothing else.
 *
 * @param lengths new tokens of each row; they add up to N
 * @param caches what each row has cached in this block
 */
export function attendRows(
  { q_NE, k_NM, v_NM }: { q_NE: Tensor2D; k_NM: Tensor2D; v_NM: Tensor2D },
  lengths: readonly number[],
  caches: readonly BlockCache[],
  masks: RowMasks,
  constants: AttentionConstants,
): AttentionResult {
  const starts = lengths.map((_, b) => lengths.slice(0, b).reduce((sum, length) => sum + length, 0));
  const grown = caches.map((cache, b) =>
    appendTokens(cache, sliceRows(k_NM, starts[b]!, lengths[b]!), sliceRows(v_NM, starts[b]!, lengths[b]!)),
  );
  if (lengths.every((length) => length === 1)) {
    return { mixed_NE: attendOneEach(q_NE, grown, masks, constants), caches: grown };
  }
  const mixed = grown.map((cache, b) => {
    const own_TE = sliceRows(q_NE, starts[b]!, lengths[b]!);
    // Only a cache that grew by several tokens has no tail.
    if (lengths[b] === 1) return attendOneEach(own_TE, [cache], [masks[b]], constants);
    return attendMany(own_TE, cache, masks[b], constants);
  });
  return { mixed_NE: concat(mixed, 0), caches: grown };
}

/**
 * One new token in each row: all heads of a row in one product. Each head's query is spread over M channels, zero
 * outside its own key/value head; of each head's mixture of values only its own channels are read back. The
 * products with zero cost less than the calls they save.
 */
function attendOneEach(
  q_NE: Tensor2D,
  caches: readonly BlockCache[],
  masks: RowMasks,
  constants: AttentionConstants,
): Tensor2D {
  const { heads: H, groups: G, headWidth: K, kinship_HG1, scaledKinship_HG1 } = constants;
  const N = caches.length;
  const spread_ZM: Tensor2D = reshape(mul(reshape(q_NE, [N, H, 1, K]), scaledKinship_HG1), [N * H, G * K]);
  const mixed = caches.map((cache, b) =>
    mixValues(sliceRows(spread_ZM, b * H, H), cache, masks[b], constants),
  );
  const own_NHGK = mul(reshape(concat(mixed, 0), [N, H, G, K]), kinship_HG1);
  return reshape(sumOver(own_NHGK, 2), [N, H * K]);
}

/** Each head's mixture of all values: `[H, M]` → `[H, M]`. */
function mixValues(
  spread_HM: Tensor2D,
  { long, tail }: BlockCache,
  mask_1S: Tensor2D | undefined,
  constants: AttentionConstants,
): Tensor2D {
  const scores = [
    ...(long ? [matMul(spread_HM, long.keys_MS)] : []),
    ...(tail ? [matMul(spread_HM, transpose(tail.keys_SM))] : []),
  ];
  const weights_HS = weigh(concat(scores, 1), mask_1S, constants);
  const longLength = long?.values_SM.shape[0] ?? 0;
  const parts = [
    ...(long ? [matMul(sliceColumns(weights_HS, 0, longLength), long.values_SM)] : []),
    ...(tail ? [matMul(sliceColumns(weights_HS, longLength, tail.values_SM.shape[0]), tail.values_SM)] : []),
  ];
  return parts.length === 1 ? parts[0]! : add(parts[0]!, parts[1]!);
}

/** Many new tokens of one row: one product per key/value head, over the R·T queries that share it. */
function attendMany(
  q_TE: Tensor2D,
  { long }: BlockCache,
  mask_TS: Tensor2D | undefined,
  constants: AttentionConstants,
): Tensor2D {
  const { heads: H, groups: G, headWidth: K } = constants;
  const { keys_MS, values_SM } = long!;
  const [T, R, S] = [q_TE.shape[0], H / G, values_SM.shape[0]];
  const scaled_TE = mul(q_TE, constants.scale_11);
  const mask_T1S: Tensor3D | undefined = mask_TS && reshape(mask_TS, [T, 1, S]);
  const perGroup = Array.from({ length: G }, (_, g) => {
    const q_PK: Tensor2D = reshape(sliceColumns(scaled_TE, g * R * K, R * K), [T * R, K]);
    const scores_PS = matMul(q_PK, sliceRows(keys_MS, g * K, K));
    const weights_TRS = weigh<Tensor3D>(reshape(scores_PS, [T, R, S]), mask_T1S, constants);
    const mixed_PK = matMul(reshape(weights_TRS, [T * R, S]), sliceColumns(values_SM, g * K, K));
    return reshape<Tensor2D>(mixed_PK, [T, R * K]);
  });
  return concat(perGroup, 1);
}

/** Scores to attention weights along the last axis. */
function weigh<T extends Tensor2D | Tensor3D>(
  scores: T,
  mask: T | undefined,
  { softCap }: AttentionConstants,
): T {
  const bounded = softCap === undefined ? scores : (tf.mul(tf.tanh(tf.div(scores, softCap)), softCap) as T);
  return softmax(mask ? add(bounded, mask) : bounded);
}
