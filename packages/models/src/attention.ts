/**
 * Grouped-query attention of one row over its cached chunks, as rank-2 matrix products: the only ones that run
 * at full speed on the wasm backend. R = H/G query heads share a key/value head. E = H·K, M = G·K.
 */

import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { appendChunk, type Chunk, chunkLength, joinChunks, type RowCache } from "./kv-cache.js";

export interface HeadShape {
  /** H: query heads. */
  readonly heads: number;
  /** G: key/value heads; divides H. */
  readonly groups: number;
  /** K: width of a head. */
  readonly headWidth: number;
}

/** What attention needs beside queries, keys and values; constants of a model, made once. */
export interface AttentionConstants extends HeadShape {
  /** Factor on the scores, 1/√K in most families. */
  readonly scale: number;
  /** 1 where a query head and a key/value head belong together, else 0: `[H, G, 1]`. */
  readonly kinship_HG1: Tensor3D;
  /** Tokens a query sees, itself included; Infinity for full attention. */
  readonly window: number;
  /** c in c·tanh(score/c), where a family bounds its scores. */
  readonly softCap?: number;
}

/** Stands for −∞ under a softmax; far below any score, and finite, so that a masked row cannot make NaN. */
const masked = -1e9;

export function headKinship({ heads, groups }: HeadShape): Tensor3D {
  const shared = heads / groups;
  const related = Float32Array.from({ length: heads * groups }, (_, i) =>
    Math.floor(Math.floor(i / groups) / shared) === i % groups ? 1 : 0,
  );
  return tf.tensor3d(related, [heads, groups, 1]);
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

/** Masks of all rows of a batch, the same for every block with this window. */
export function attentionMasks(lengths: readonly number[], caches: readonly RowCache[], window: number) {
  return lengths.map((length, b) => attentionMask(length, caches[b]!.length + length, window));
}

export interface AttentionResult {
  readonly mixed_NE: Tensor2D;
  /** Each row's chunks, its new tokens included. */
  readonly chunks: readonly (readonly Chunk[])[];
}

/**
 * Attention of all rows: each over its own cache and its own new tokens, nothing else.
 *
 * @param lengths new tokens of each row; they add up to N
 * @param chunks what each row has cached in this block
 */
export function attendRows(
  { q_NE, k_NM, v_NM }: { q_NE: Tensor2D; k_NM: Tensor2D; v_NM: Tensor2D },
  lengths: readonly number[],
  chunks: readonly (readonly Chunk[])[],
  masks: readonly (Tensor2D | undefined)[],
  constants: AttentionConstants,
): AttentionResult {
  let start = 0;
  const rows = lengths.map((length, b) => {
    const rowOf = (x: Tensor2D): Tensor2D => tf.slice(x, [start, 0], [length, -1]);
    const [q_TE, k_TM, v_TM] = [rowOf(q_NE), rowOf(k_NM), rowOf(v_NM)];
    start += length;
    const grown = appendChunk(chunks[b]!, k_TM, v_TM);
    return { mixed_TE: attend(q_TE, grown, masks[b], constants), grown };
  });
  const mixed = rows.map(({ mixed_TE }) => mixed_TE);
  return { mixed_NE: tf.concat(mixed, 0), chunks: rows.map(({ grown }) => grown) };
}

/** @param chunks the row's cache, the T new tokens included @returns `[T, E]` */
function attend(
  q_TE: Tensor2D,
  chunks: readonly Chunk[],
  mask_TS: Tensor2D | undefined,
  constants: AttentionConstants,
): Tensor2D {
  return q_TE.shape[0] === 1
    ? attendOne(q_TE, chunks, mask_TS, constants)
    : attendMany(q_TE, chunks, mask_TS, constants);
}

/**
 * One new token: all heads in one product. Each head's query is laid out over M channels, zero outside its own
 * key/value head; of each head's mixture of values only its own channels are read back. The wasted products
 * with zero cost less than the calls they save.
 */
function attendOne(
  q_1E: Tensor2D,
  chunks: readonly Chunk[],
  mask_1S: Tensor2D | undefined,
  constants: AttentionConstants,
): Tensor2D {
  const { heads: H, groups: G, headWidth: K, scale, kinship_HG1 } = constants;
  const q_H1K: Tensor3D = tf.mul(tf.reshape(q_1E, [H, 1, K]), scale);
  const spread_HM: Tensor2D = tf.reshape(tf.mul(q_H1K, kinship_HG1), [H, G * K]);
  const scores: Tensor2D[] = chunks.map(({ keys_MS }) => tf.matMul(spread_HM, keys_MS));
  const scores_HS = scores.length === 1 ? scores[0]! : tf.concat(scores, 1);
  const weights_HS = weigh(scores_HS, mask_1S, constants);
  const mixed_HGK = tf.reshape(mixValues(weights_HS, chunks), [H, G, K]);
  return tf.reshape(tf.sum(tf.mul(mixed_HGK, kinship_HG1), 1), [1, H * K]);
}

function mixValues(weights_HS: Tensor2D, chunks: readonly Chunk[]): Tensor2D {
  if (chunks.length === 1) return tf.matMul(weights_HS, chunks[0]!.values_SM);
  let start = 0;
  const parts: Tensor2D[] = chunks.map((chunk) => {
    const weights = tf.slice(weights_HS, [0, start], [-1, chunkLength(chunk)]);
    start += chunkLength(chunk);
    return tf.matMul(weights, chunk.values_SM);
  });
  return tf.addN(parts);
}

/** Many new tokens: one product per key/value head, over the R·T queries that share it. */
function attendMany(
  q_TE: Tensor2D,
  chunks: readonly Chunk[],
  mask_TS: Tensor2D | undefined,
  constants: AttentionConstants,
): Tensor2D {
  const { heads: H, groups: G, headWidth: K, scale } = constants;
  const [T, R] = [q_TE.shape[0], H / G];
  const { keys_MS, values_SM } = joinChunks(chunks);
  const S = values_SM.shape[0];
  const scaled_TE: Tensor2D = tf.mul(q_TE, scale);
  const perGroup = Array.from({ length: G }, (_, g) => {
    const q_XK: Tensor2D = tf.reshape(tf.slice(scaled_TE, [0, g * R * K], [T, R * K]), [T * R, K]);
    const scores_TRS: Tensor3D = tf.reshape(tf.matMul(q_XK, tf.slice(keys_MS, [g * K, 0], [K, S])), [
      T,
      R,
      S,
    ]);
    const mask_T1S: Tensor3D | undefined = mask_TS && tf.reshape(mask_TS, [T, 1, S]);
    const weights_XS: Tensor2D = tf.reshape(weigh(scores_TRS, mask_T1S, constants), [T * R, S]);
    return tf.reshape(tf.matMul(weights_XS, tf.slice(values_SM, [0, g * K], [S, K])), [T, R * K]) as Tensor2D;
  });
  return tf.concat(perGroup, 1);
}

/** Scores to attention weights along the last axis. */
function weigh<T extends Tensor2D | Tensor3D>(
  scores: T,
  mask: T | undefined,
  { softCap }: AttentionConstants,
): T {
  const bounded: T = softCap === undefined ? scores : tf.mul(tf.tanh(tf.div(scores, softCap)), softCap);
  return tf.softmax(mask ? (tf.add(bounded, mask) as T) : bounded);
}
