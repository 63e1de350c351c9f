/**
 * Keys and values that a row has cached, as immutable tensors that rows can share. Every row has its own long part,
 * so that there is no padding anywhere; a fork is the same cache once more.
 *
 * Tensors cannot be written to: a cache grows by copying. Tokens that the rows of a batch get one at a time go to a
 * short tail, one tensor for all of them, and once in about √(2S) steps each row's share of the tail joins its long
 * part. A step copies the tail; the long part stays the same tensor for a while, which matters twice: its keys lie
 * transposed, ready to be a product's right-hand side, and a backend may keep a packed form of it (XNNPACK does, and
 * packing takes longer than the product).
 *
 * M = G·K: the keys, or values, of all key/value heads of a token. X: tokens in a tail, step by step, those of all
 * rows of a step together.
 */

import { slice, type Tensor2D } from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.js";
import type { CachePage } from "../weights/stored-kernels.js";
import { concat, reshape, sliceColumns, sliceRows, transpose } from "./direct.js";
import { tidy } from "./tidy.js";

export interface LongPart {
  readonly keys_MS: Tensor2D;
  readonly values_SM: Tensor2D;
}

/** The same two tensors in every row of a batch. */
export interface SharedTail {
  readonly keys_XM: Tensor2D;
  readonly values_XM: Tensor2D;
  /** How many rows share it, and which of them this one is. */
  readonly rowCount: number;
  readonly row: number;
}

/** What one row has cached in one block: tokens of the long part, then those of the tail. */
export interface BlockCache {
  readonly long?: LongPart;
  readonly tail?: SharedTail;
}

/** What one row has cached; all blocks alike. */
export interface RowCache {
  readonly length: number;
  /** By block; empty where kernels keep the cache. */
  readonly blocks: readonly BlockCache[];
  /** What kernels keep: all blocks together. */
  readonly pages?: readonly CachePage[];
}

export function emptyCache(blockCount: number): RowCache {
  if (!(Number.isSafeInteger(blockCount) && blockCount >= 0 && blockCount < 2 ** 20))
    throw new ModelError(
      "bad-request",
      "A cache has a whole number of blocks, from 0 up; what came is none.",
    );
  return { length: 0, blocks: Array.from({ length: blockCount }, () => ({})) };
}

/** Where the tokens of a batch lie once each row has its new ones. */
export interface CacheLayout {
  readonly longLengths: readonly number[];
  /** Tokens of each row in the shared tail. */
  readonly tailSteps: number;
}

/** @param lengths new tokens of each row */
export function layoutAfter(caches: readonly BlockCache[], lengths: readonly number[]): CacheLayout {
  const longLengths = caches.map(({ long }) => long?.values_SM.shape[0] ?? 0);
  const steps = caches[0]?.tail ? countSteps(caches[0].tail) : 0;
  const oneEach = lengths.every((length) => length === 1) && longLengths.every((length) => length > 0);
  if (oneEach && sharesTail(caches) && steps + 1 < tailCapacity(Math.max(...longLengths))) {
    return { longLengths, tailSteps: steps + 1 };
  }
  const inTail = caches.map(({ tail }) => (tail ? countSteps(tail) : 0));
  return { longLengths: longLengths.map((length, b) => length + inTail[b]! + lengths[b]!), tailSteps: 0 };
}

const countSteps = ({ keys_XM, rowCount }: SharedTail): number => keys_XM.shape[0] / rowCount;

/** Whether the rows are exactly those of one tail, in its order, or none has a tail. */
function sharesTail(caches: readonly BlockCache[]): boolean {
  const shared = caches[0]?.tail;
  return caches.every(({ tail }, row) =>
    shared
      ? tail?.keys_XM === shared.keys_XM && tail.row === row && tail.rowCount === caches.length
      : tail === undefined,
  );
}

/** Balances the copying of the tail, every step, with that of the long part, every time the tail is full. */
function tailCapacity(longLength: number): number {
  return Math.max(8, Math.sqrt(2 * longLength));
}

/**
 * Each row's cache in a block with its new tokens at the end. It may share tensors with the old one, whose others
 * are left to their owner.
 *
 * @param lengths new tokens of each row; they add up to the N of keys and values
 */
export function appendTokens(
  caches: readonly BlockCache[],
  keys_NM: Tensor2D,
  values_NM: Tensor2D,
  lengths: readonly number[],
): BlockCache[] {
  if (layoutAfter(caches, lengths).tailSteps > 0) return appendToTail(caches, keys_NM, values_NM);
  let start = 0;
  return caches.map((cache, b) => {
    const own = (x_NM: Tensor2D) => sliceRows(x_NM, start, lengths[b]!);
    const long = extendLong(cache, own(keys_NM), own(values_NM));
    start += lengths[b]!;
    return { long };
  });
}

function appendToTail(caches: readonly BlockCache[], keys_NM: Tensor2D, values_NM: Tensor2D): BlockCache[] {
  const old = caches[0]!.tail;
  const keys_XM = old ? concat([old.keys_XM, keys_NM], 0) : keys_NM;
  const values_XM = old ? concat([old.values_XM, values_NM], 0) : values_NM;
  const rowCount = caches.length;
  return caches.map(({ long }, row) => ({ long: long!, tail: { keys_XM, values_XM, rowCount, row } }));
}

/** The long part with the row's share of the tail, and then the new tokens, joined to it. */
function extendLong({ long, tail }: BlockCache, keys_TM?: Tensor2D, values_TM?: Tensor2D): LongPart {
  const keys_SM = concat(
    [...(tail ? [ownTokens(tail.keys_XM, tail)] : []), ...(keys_TM ? [keys_TM] : [])],
    0,
  );
  const values_SM = concat(
    [...(tail ? [ownTokens(tail.values_XM, tail)] : []), ...(values_TM ? [values_TM] : [])],
    0,
  );
  const keys_MS = transpose(keys_SM);
  if (!long) return { keys_MS, values_SM };
  return {
    keys_MS: concat([long.keys_MS, keys_MS], 1),
    values_SM: concat([long.values_SM, values_SM], 0),
  };
}

function ownTokens(x_XM: Tensor2D, { rowCount, row }: SharedTail): Tensor2D {
  const [X, M] = x_XM.shape;
  return sliceColumns(reshape(x_XM, [X / rowCount, rowCount * M]), row * M, M);
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

/** A new cache of the first `length` tokens. */
export function truncateCache({ blocks, pages }: RowCache, length: number): RowCache {
  if (length === 0) return emptyCache(blocks.length);
  // What lies behind the end is dropped when the row grows again.
  if (pages) return { length, blocks, pages };
  return { length, blocks: blocks.map((block) => tidy(() => truncateBlock(block, length))) };
}

function truncateBlock(block: BlockCache, length: number): BlockCache {
  const long = block.tail ? extendLong(block) : block.long!;
  return {
    long: {
      keys_MS: slice(long.keys_MS, [0, 0], [-1, length]),
      values_SM: slice(long.values_SM, [0, 0], [length, -1]),
    },
  };
}

/** All that a cache holds, to dispose of or to keep; rows of a batch may share some. */
export function heldByCache({ blocks, pages = [] }: RowCache): (Tensor2D | CachePage)[] {
  const tensors = blocks.flatMap(({ long, tail }) => [
    ...(long ? [long.keys_MS, long.values_SM] : []),
    ...(tail ? [tail.keys_XM, tail.values_XM] : []),
  ]);
  return [...tensors, ...pages];
}
