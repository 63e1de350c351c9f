/**
 * Keys and values of one row, as immutable tensors that rows can share: forking a row copies nothing, and
 * since every row has its own cache there is no padding anywhere.
 *
 * A block's cache is a long chunk and a short tail. A new token is joined to the tail, at most 64 tokens long;
 * a full tail is joined to the long chunk. So a step copies little, however long the row, and a backend that
 * keeps a packed form of a matrix (XNNPACK does) packs the long chunk once in 64 steps.
 *
 * M = G·K: the keys, or values, of all key/value heads of a token.
 */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

export interface Chunk {
  /** Keys, transposed once here instead of at every product. */
  readonly keys_MS: Tensor2D;
  readonly values_SM: Tensor2D;
}

/** What one row has cached: per block at most two chunks, the long one first. */
export interface RowCache {
  readonly length: number;
  readonly blocks: readonly (readonly Chunk[])[];
}

/** Tokens a tail holds before it joins the long chunk. */
const tailCapacity = 64;

export function emptyCache(blockCount: number): RowCache {
  return { length: 0, blocks: Array.from({ length: blockCount }, () => []) };
}

/** The chunks of a block with T new tokens after them. Old tensors that no longer serve are left to their owner. */
export function appendChunk(
  chunks: readonly Chunk[],
  keys_TM: Tensor2D,
  values_TM: Tensor2D,
): readonly Chunk[] {
  const fresh: Chunk = { keys_MS: tf.transpose(keys_TM) as Tensor2D, values_SM: tf.clone(values_TM) };
  const [long, tail] = chunks;
  if (!long) return [fresh];
  const joined = tail ? joinChunks([tail, fresh]) : fresh;
  return chunkLength(joined) < tailCapacity ? [long, joined] : [joinChunks([long, joined])];
}

/** Each row's cache after a forward pass. @param grown per block, per row, the chunks with the new tokens */
export function extendCaches(
  caches: readonly RowCache[],
  lengths: readonly number[],
  grown: readonly (readonly (readonly Chunk[])[])[],
): RowCache[] {
  return caches.map((cache, b) => ({
    length: cache.length + lengths[b]!,
    blocks: grown.map((rows) => rows[b]!),
  }));
}

/** One chunk of all tokens, in order. */
export function joinChunks(chunks: readonly Chunk[]): Chunk {
  if (chunks.length === 1) return chunks[0]!;
  return {
    keys_MS: tf.concat(
      chunks.map(({ keys_MS }) => keys_MS),
      1,
    ),
    values_SM: tf.concat(
      chunks.map(({ values_SM }) => values_SM),
      0,
    ),
  };
}

export function chunkLength({ values_SM }: Chunk): number {
  return values_SM.shape[0];
}

/** A cache that shares every tensor of this one, with handles of its own. */
export function forkCache({ length, blocks }: RowCache): RowCache {
  const share = ({ keys_MS, values_SM }: Chunk) => ({
    keys_MS: tf.clone(keys_MS),
    values_SM: tf.clone(values_SM),
  });
  return { length, blocks: blocks.map((chunks) => chunks.map(share)) };
}

/** A new cache of the first `length` tokens. */
export function truncateCache(cache: RowCache, length: number): RowCache {
  if (length === 0) return emptyCache(cache.blocks.length);
  return { length, blocks: cache.blocks.map((chunks) => truncateChunks(chunks, length)) };
}

function truncateChunks(chunks: readonly Chunk[], length: number): Chunk[] {
  let left = length;
  const kept: Chunk[] = [];
  for (const { keys_MS, values_SM } of chunks) {
    const take = Math.min(left, values_SM.shape[0]);
    if (take > 0) {
      kept.push({ keys_MS: tf.slice(keys_MS, [0, 0], [-1, take]), values_SM: tf.slice(values_SM, 0, take) });
    }
    left -= take;
  }
  return kept;
}

/** Every tensor handle of a cache, to dispose of or to keep. */
export function cacheTensors({ blocks }: RowCache): Tensor2D[] {
  return blocks.flatMap((chunks) => chunks.flatMap(({ keys_MS, values_SM }) => [keys_MS, values_SM]));
}
