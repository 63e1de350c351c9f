/**
 * Norms of heads, rotation, the append to the cache and attention over it, as one operation. N: new tokens of all rows · H query
 * heads · G key/value heads · K: width of a head, a multiple of four · M = G·K · X = (H + G)·K · Q = X + M.
 */
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import { detailsAt, kindAt } from "../memory/layout.js";
import type { Pool } from "../pool/pool.js";
import { resultOf, withScratch } from "./operations.js";
import { blockBytes, type CachePage, type CacheShape, pageShift, tokensOfPage } from "./pages.js";
import type { Rows, ScratchParts } from "./scratch-parts.js";
import { runOnTensors } from "./tensors.js";

export interface AttentionShape extends CacheShape {
  readonly heads: number;
  readonly groups: number;
  readonly headWidth: number;
  readonly scale: number;
}

/** Where the new tokens of a step go: made once for all blocks. */
export interface StepPlan {
  /** Of each row: its pages, with room for the new tokens, and how many tokens it had. */
  readonly rows: readonly { readonly pages: readonly CachePage[]; readonly length: number }[];
  /** New tokens of each row; they add up to N. */
  readonly lengths: readonly number[];
  /** Cosines and sines of each new token, `[N, K/2]` each, one after the other. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** What sets a block's attention apart. */
export interface BlockPlace {
  readonly block: number;
  /** Tokens that a query sees, itself included. */
  readonly window: number;
  /** The root mean square's norm within each head, before it turns; weights of all heads, queries' and keys', side by side. */
  readonly headNorm?: { readonly weight_X: Tensor1D; readonly epsilon: number } | undefined;
}

/** @param qkv_NQ queries, keys and values side by side */
export function attend(
  pool: Pool,
  shape: AttentionShape,
  plan: StepPlan,
  where: BlockPlace,
  qkv_NQ: Tensor2D,
): Tensor2D {
  const count = qkv_NQ.shape[0];
  const { headNorm, block } = where;
  const work = withScratch(pool, (scratch, [qkvValues, weights]) => {
    const qkv = scratch.put(qkvValues!, count);
    if (headNorm) normHeads(pool, shape, qkv, scratch.put(weights!, 1).at, headNorm.epsilon);
    append(pool, shape, plan, block, scratch, qkv);
    const mixed = scratch.rows(count, shape.heads * shape.headWidth);
    runAttention(pool, shape, plan, where, scratch, qkv, mixed);
    return [resultOf(scratch, mixed)];
  });
  return runOnTensors(headNorm ? [qkv_NQ, headNorm.weight_X] : [qkv_NQ], work)[0]!;
}

/** In place, one head of all tokens at a time. */
function normHeads(
  pool: Pool,
  { heads, groups, headWidth }: AttentionShape,
  qkv: Rows,
  weights: number,
  epsilon: number,
): void {
  for (let head = 0; head < heads + groups; head++) {
    const [at, weight] = [qkv.at, weights].map((first) => first + 4 * headWidth * head) as [number, number];
    pool.kernels.rmsNorm(at, weight, at, qkv.count, headWidth, qkv.rowBytes, epsilon);
  }
}

function append(
  pool: Pool,
  shape: AttentionShape,
  { rows, lengths, cos, sin }: StepPlan,
  block: number,
  scratch: ScratchParts,
  qkv: Rows,
): void {
  const { heads, groups, headWidth, tokenWidth } = shape;
  const half = headWidth / 2;
  const valuesFrom = 4 * (heads + groups) * headWidth;
  const [cosAt, sinAt] = [scratch.put(cos, 1).at, scratch.put(sin, 1).at];
  let n = 0;
  for (const [b, { pages, length }] of rows.entries())
    for (let t = length; t < length + lengths[b]!; t++, n++) {
      const page = pages[t >> pageShift]!;
      const keysAt = page.at + block * blockBytes(shape) + 4 * headWidth * (t % tokensOfPage);
      const valuesAt = keysAt + 4 * tokenWidth * tokensOfPage;
      const angle = 4 * half * n;
      const from = qkv.at + n * qkv.rowBytes;
      pool.kernels.appendToken(
        ...([from, from + valuesFrom, cosAt + angle, sinAt + angle] as const),
        ...([heads, groups, half, keysAt, valuesAt, 4 * headWidth * tokensOfPage] as const),
      );
    }
}

function runAttention(
  pool: Pool,
  shape: AttentionShape,
  { rows, lengths }: StepPlan,
  { block, window }: BlockPlace,
  scratch: ScratchParts,
  qkv: Rows,
  mixed: Rows,
): void {
  const { heads, groups, headWidth, tokenWidth, scale } = shape;
  const tokens: number[] = [];
  let longest = 0;
  for (const [b, { pages, length }] of rows.entries()) {
    const tableAt = put(
      pool,
      scratch,
      pages.map(({ at }) => at),
    );
    longest = Math.max(longest, length + lengths[b]!);
    for (let t = 1; t <= lengths[b]!; t++) tokens.push(length + t, tableAt);
  }
  const seen = Math.min(longest, window);
  const units = cutIntoUnits(tokens.length / 2, groups, pool.threads);
  const unitTokens = Math.max(...units.map(([first, end]) => end - first));
  const chunks = pool.chunksFor(units.length, 2 * (heads / groups) * headWidth * seen * unitTokens);
  const chunkUnits = Math.ceil(units.length / chunks);
  // Scores of up to four heads, and what stands behind them.
  const scoreBytes = 16 * (seen + 2);
  const details = new DataView(pool.heap.bytes.buffer, detailsAt);
  const [tokensAt, unitsAt] = [put(pool, scratch, tokens), put(pool, scratch, units.flat())];
  const numbers = [
    ...[qkv.at, qkv.rowBytes, mixed.at, mixed.rowBytes, tokensAt],
    ...[unitsAt, units.length, chunkUnits, heads / groups],
    ...[4 * headWidth, pageShift, block * blockBytes(shape), 4 * tokenWidth, 0],
    ...[Math.min(window, 2 ** 31 - 1), scoreBytes],
  ];
  for (const [i, value] of numbers.entries()) details.setUint32(4 * i, value, true);
  details.setFloat32(4 * scaleIndex, scale, true);
  new Uint32Array(pool.heap.bytes.buffer, kindAt, 1)[0] = 1;
  pool.run(Math.ceil(units.length / chunkUnits), scoreBytes * unitTokens);
}

function put(pool: Pool, scratch: ScratchParts, numbers: readonly number[]): number {
  const at = scratch.floats(numbers.length);
  new Uint32Array(pool.heap.bytes.buffer, at, numbers.length).set(numbers);
  return at;
}

/** The scale's place among the numbers of the job. */
const scaleIndex = 13;

/** Most tokens that are attended for together, so that what is scratch for them stays in a near cache. */
const mostTogether = 4;

/** A unit's first token, the token where it ends, and its key/value head. */
type Unit = readonly [first: number, end: number, group: number];

/** What is left when every thread has had as many as the others is cut into single tokens, so that they end together. */
export function cutIntoUnits(count: number, groups: number, threads: number): Unit[] {
  const together = tokensOfUnit(count, groups, threads);
  const units: Unit[] = [];
  for (let first = 0; first < count; first += together)
    for (let group = 0; group < groups; group++)
      units.push([first, Math.min(count, first + together), group]);
  const whole = units.length - (units.length % threads);
  return [...units.slice(0, whole), ...units.slice(whole).flatMap(inTokens)];
}

function inTokens([first, end, group]: Unit): Unit[] {
  return Array.from({ length: end - first }, (_, t) => [first + t, first + t + 1, group]);
}

/** As many as leave each thread about two units. */
function tokensOfUnit(count: number, groups: number, threads: number): number {
  const even = Math.round((count * groups) / (2 * threads));
  return Math.max(1, Math.min(count, mostTogether, even));
}
