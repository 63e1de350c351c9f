/**
 * Grouped-query attention of one row over its cache, as rank-2 matrix products: the only ones that run at full
 * speed on the wasm backend. R = H/G query heads share a key/value head; E = H·K, M = G·K, P = T·R; Z: queries of one product.
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
import { areEqualRows, attendEqualRows } from "./equal-rows.js";
import {
  appendTokens,
  type BlockCache,
  type CacheLayout,
  type LongPart,
  layoutAfter,
  type RowCache,
} from "./kv-cache.js";

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
  readonly groupMask_HG1: Tensor3D;
  /** The same with the factor on the scores in place of 1. */
  readonly scaledGroupMask_HG1: Tensor3D;
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
    groupMask_HG1: headGroupMask(shape, 1),
    scaledGroupMask_HG1: headGroupMask(shape, scale),
    ...(softCap !== undefined && { softCap }),
  };
}

export function disposeAttention({ scale_11, groupMask_HG1, scaledGroupMask_HG1 }: AttentionConstants): void {
  tf.dispose([scale_11, groupMask_HG1, scaledGroupMask_HG1]);
}

/** Stands for −∞ under a softmax; far below any score, and finite, so that a masked row cannot make NaN. */
const masked = -1e9;

function headGroupMask({ heads, groups }: HeadShape, factor: number): Tensor3D {
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
 * Rows whose queries go through one product, when each row has one new token: `first` and the `count − 1` after it.
 * C: the columns of their scores, the long parts of these rows one after the other, then the tail of all rows.
 */
interface QueryGroup {
  readonly first: number;
  readonly count: number;
  /** 0 where a query sees a column, −1e9 where it does not: `[count·H, C]`; absent where all see all. */
  readonly mask_ZC: Tensor2D | undefined;
}

/** What the queries of a batch may see: all rows have one new token, or all are equal, or they are taken one by one. */
export type BatchMasks =
  | { readonly groups: readonly QueryGroup[] }
  /** `[T·R, T]`, shared by all rows and key/value heads. */
  | { readonly equal: Tensor2D }
  /** `[T, S]` for each row; absent where all see all. */
  | { readonly rows: readonly (Tensor2D | undefined)[] };

/**
 * The masks for each window that occurs, shared by all blocks that have it.
 *
 * @param windows tokens a query of each block sees, itself included; Infinity for full attention
 */
export function attentionMasks(
  lengths: readonly number[],
  caches: readonly RowCache[],
  windows: readonly number[],
  { heads, groups }: HeadShape,
): ReadonlyMap<number, BatchMasks> {
  if (areEqualRows(lengths, caches, heads)) {
    const equal = (window: number) => ({ equal: maskRow(lengths[0]!, lengths[0]!, window, heads / groups)! });
    return new Map([...new Set(windows)].map((window) => [window, equal(window)]));
  }
  const layout = layoutAfter(
    caches.map(({ blocks }) => blocks[0]!),
    lengths,
  );
  const oneEach = lengths.every((length) => length === 1);
  const masksFor = (window: number): BatchMasks =>
    oneEach
      ? { groups: groupRows(layout).map((rows) => maskGroup(rows, layout, window, heads)) }
      : { rows: lengths.map((length, b) => maskRow(length, caches[b]!.length + length, window)) };
  return new Map([...new Set(windows)].map((window) => [window, masksFor(window)]));
}

/** Which of S tokens each of the last T sees: `[T, S]`, or `[T·repeats, S]` with every line `repeats` times. */
function maskRow(newTokens: number, attended: number, window: number, repeats = 1): Tensor2D | undefined {
  if (newTokens === 1 && attended <= window) return undefined;
  const lines = newTokens * repeats;
  const mask = new Float32Array(lines * attended);
  for (let line = 0; line < lines; line++) {
    const position = attended - newTokens + Math.floor(line / repeats);
    const row = mask.subarray(line * attended, (line + 1) * attended);
    row.fill(masked, position + 1);
    if (position >= window) row.fill(masked, 0, position - window + 1);
  }
  return tf.tensor2d(mask, [lines, attended]);
}

/**
 * All rows in one group while that is cheap: in a group every query is multiplied with every row's keys and masked
 * afterwards, which saves calls and costs products that are thrown away.
 */
function groupRows({ longLengths }: CacheLayout): { first: number; count: number }[] {
  const count = longLengths.length;
  const together = count * longLengths.reduce((sum, length) => sum + length, 0) <= 1024;
  return together ? [{ first: 0, count }] : longLengths.map((_, first) => ({ first, count: 1 }));
}

function maskGroup(
  { first, count }: { first: number; count: number },
  { longLengths, tailSteps }: CacheLayout,
  window: number,
  heads: number,
): QueryGroup {
  const rowCount = longLengths.length;
  const own = longLengths.slice(first, first + count);
  const alone = count === 1 && (rowCount === 1 || tailSteps === 0) && own[0]! + tailSteps <= window;
  if (alone) return { first, count, mask_ZC: undefined };
  const columns = own.reduce((sum, length) => sum + length, 0) + rowCount * tailSteps;
  const mask = new Float32Array(count * heads * columns).fill(masked);
  for (let g = 0, start = 0; g < count; start += own[g]!, g++) {
    const tooOld = Math.max(0, own[g]! + tailSteps - window);
    const line = mask.subarray(g * heads * columns, (g * heads + 1) * columns);
    line.fill(0, start + Math.min(tooOld, own[g]!), start + own[g]!);
    const tailStart = columns - rowCount * tailSteps;
    for (let step = Math.max(0, tooOld - own[g]!); step < tailSteps; step++) {
      line[tailStart + step * rowCount + first + g] = 0;
    }
    for (let head = 1; head < heads; head++) mask.set(line, (g * heads + head) * columns);
  }
  return { first, count, mask_ZC: tf.tensor2d(mask, [count * heads, columns]) };
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
  masks: BatchMasks,
  constants: AttentionConstants,
): AttentionResult {
  const grown = appendTokens(caches, k_NM, v_NM, lengths);
  if ("groups" in masks)
    return { mixed_NE: attendOneEach(q_NE, grown, masks.groups, constants), caches: grown };
  if ("equal" in masks) {
    const rows = { q_NE, k_NM, v_NM, rowCount: lengths.length };
    const weighAll = (scores: Tensor3D) => weigh<Tensor3D>(scores, masks.equal, constants);
    return { mixed_NE: attendEqualRows(rows, constants, weighAll), caches: grown };
  }
  let start = 0;
  const mixed = grown.map(({ long }, b) => {
    const q_TE = sliceRows(q_NE, start, lengths[b]!);
    start += lengths[b]!;
    return attendMany(q_TE, long!, masks.rows[b], constants);
  });
  return { mixed_NE: concat(mixed, 0), caches: grown };
}

/**
 * One new token in each row: all heads of a group of rows in one product. Each head's query is spread over M
 * channels, zero outside its own key/value head; of each head's mixture of values only its own channels are read
 * back. The products with zero cost less than the calls they save.
 */
function attendOneEach(
  q_NE: Tensor2D,
  caches: readonly BlockCache[],
  groups: readonly QueryGroup[],
  constants: AttentionConstants,
): Tensor2D {
  const { heads: H, groups: G, headWidth: K, groupMask_HG1, scaledGroupMask_HG1 } = constants;
  const N = caches.length;
  const spread_ZM: Tensor2D = reshape(mul(reshape(q_NE, [N, H, 1, K]), scaledGroupMask_HG1), [N * H, G * K]);
  const tail = caches[0]!.tail;
  const tailKeys_MX = tail && transpose(tail.keys_XM);
  const mixed = groups.map(({ first, count, mask_ZC }) => {
    const longs = caches.slice(first, first + count).map(({ long }) => long!);
    const parts = [
      ...longs.map(({ keys_MS, values_SM }) => ({ keys: keys_MS, values: values_SM })),
      ...(tail && tailKeys_MX ? [{ keys: tailKeys_MX, values: tail.values_XM }] : []),
    ];
    return mixValues(sliceRows(spread_ZM, first * H, count * H), parts, mask_ZC, constants);
  });
  const own_NHGK = mul(reshape(concat(mixed, 0), [N, H, G, K]), groupMask_HG1);
  return reshape(sumOver(own_NHGK, 2), [N, H * K]);
}

/**
 * Each query's mixture of the values of all parts: `[Z, M]` → `[Z, M]`.
 *
 * @param parts keys `[M, c]` and values `[c, M]` each, c adding up to C
 */
function mixValues(
  spread_ZM: Tensor2D,
  parts: readonly { readonly keys: Tensor2D; readonly values: Tensor2D }[],
  mask_ZC: Tensor2D | undefined,
  constants: AttentionConstants,
): Tensor2D {
  const scores = parts.map(({ keys }) => matMul(spread_ZM, keys));
  const weights_ZC = weigh(concat(scores, 1), mask_ZC, constants);
  let start = 0;
  const mixtures = parts.map(({ values }) => {
    const own = sliceColumns(weights_ZC, start, values.shape[0]);
    start += values.shape[0];
    return matMul(own, values);
  });
  return mixtures.reduce((sum_ZM, mixture_ZM) => add(sum_ZM, mixture_ZM));
}

/** Many new tokens of one row: one product per key/value head, over the R·T queries that share it. */
function attendMany(
  q_TE: Tensor2D,
  { keys_MS, values_SM }: LongPart,
  mask_TS: Tensor2D | undefined,
  constants: AttentionConstants,
): Tensor2D {
  const { heads: H, groups: G, headWidth: K } = constants;
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
  mask: Tensor2D | Tensor3D | undefined,
  { softCap }: AttentionConstants,
): T {
  const bounded = softCap === undefined ? scores : (tf.mul(tf.tanh(tf.div(scores, softCap)), softCap) as T);
  return softmax(mask ? add(bounded, mask) : bounded);
}
