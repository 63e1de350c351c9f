/**
 * Keys and values of one row, as immutable tensors that rows can share: forking a row copies nothing, and
 * since every row has its own cache there is no padding anywhere.
 *
 * In each block a row has a long part and a short tail; a new token joins the tail. Tensors cannot be written to,
 * so that every step copies the tail, and once in about √(2S) steps the tail joins the long part, which copies
 * that. The long part's keys lie transposed, ready to be a product's right-hand side, of which a backend may keep
 * a packed form (XNNPACK does, and packing takes longer than the product).
 *
 * M = G·K: the keys, or values, of all key/value heads of a token.
 */
import { clone, slice, type Tensor2D } from "@tensorflow/tfjs-core";
import { concat, transpose } from "./direct.js";

/** What one row has cached in one block; a part that is absent holds no token. */
export interface BlockCache {
  readonly long?: { readonly keys_MS: Tensor2D; readonly values_SM: Tensor2D };
  readonly tail?: { readonly keys_SM: Tensor2D; readonly values_SM: Tensor2D };
}

/** What one row has cached. */
export interface RowCache {
  readonly length: number;
  readonly blocks: readonly BlockCache[];
}

export function emptyCache(blockCount: number): RowCache {
  return { length: 0, blocks: Array.from({ length: blockCount }, () => ({})) };
}

/**
 * A block's cache with T new tokens at its end. It may share tensors with the old one, whose others are left to
 * their owner; more than one token at a time leave no tail.
 */
export function appendTokens({ long, tail }: BlockCache, keys_TM: Tensor2D, values_TM: Tensor2D): BlockCache {
  const keys_SM = tail ? concat([tail.keys_SM, keys_TM], 0) : keys_TM;
  const values_SM = tail ? concat([tail.values_SM, values_TM], 0) : values_TM;
  const tailLength = keys_SM.shape[0];
  if (long && keys_TM.shape[0] === 1 && tailLength < tailCapacity(long.values_SM.shape[0])) {
    return { long, tail: { keys_SM, values_SM } };
  }
  const keys_MS = transpose(keys_SM);
  if (!long) return { long: { keys_MS, values_SM } };
  return {
    long: { keys_MS: concat([long.keys_MS, keys_MS], 1), values_SM: concat([long.values_SM, values_SM], 0) },
  };
}

/** Balances the copying of the tail, every step, with that of the long part, every time the tail is full. */
function tailCapacity(longLength: number): number {
  return Math.max(8, Math.sqrt(2 * longLength));
}

/** Each row's cache after a forward pass. @param grown per block, per row, the cache with the new tokens */
export function extendCaches(
  caches: readonly RowCache[],
  lengths: readonly number[],
  grown: readonly (readonly BlockCache[])[],
): RowCache[] {
  return caches.map((cache, b) => ({
    length: cache.length + lengths[b]!,
    blocks: grown.map((rows) => rows[b]!),
  }));
}

/** A cache that shares all data with this one, with tensor handles of its own. */
export function forkCache({ length, blocks }: RowCache): RowCache {
  const share = ({ long, tail }: BlockCache): BlockCache => ({
    ...(long && { long: { keys_MS: clone(long.keys_MS), values_SM: clone(long.values_SM) } }),
    ...(tail && { tail: { keys_SM: clone(tail.keys_SM), values_SM: clone(tail.values_SM) } }),
  });
  return { length, blocks: blocks.map(share) };
}

/** A new cache of the first `length` tokens. */
export function truncateCache({ blocks }: RowCache, length: number): RowCache {
  return { length, blocks: blocks.map((block) => truncateBlock(block, length)) };
}

function truncateBlock({ long, tail }: BlockCache, length: number): BlockCache {
  const longLength = Math.min(length, long?.values_SM.shape[0] ?? 0);
  const tailLength = length - longLength;
  const rows = (x_SM: Tensor2D, count: number) => slice(x_SM, [0, 0], [count, -1]);
  return {
    ...(long &&
      longLength > 0 && {
        long: {
          keys_MS: slice(long.keys_MS, [0, 0], [-1, longLength]),
          values_SM: rows(long.values_SM, longLength),
        },
      }),
    ...(tail &&
      tailLength > 0 && {
        tail: { keys_SM: rows(tail.keys_SM, tailLength), values_SM: rows(tail.values_SM, tailLength) },
      }),
  };
}

/** Every tensor handle of a cache, to dispose of or to keep. */
export function cacheTensors({ blocks }: RowCache): Tensor2D[] {
  return blocks.flatMap(({ long, tail }) => [
    ...(long ? [long.keys_MS, long.values_SM] : []),
    ...(tail ? [tail.keys_SM, tail.values_SM] : []),
  ]);
}
