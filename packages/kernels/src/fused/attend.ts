/**
 * Norms of heads, rotation, the append to the cache and attention over it, as one operation. N: new tokens of all rows · H query
 * heads · G key/value heads · K: width of a head, a multiple of four · M = G·K · X = (H + G)·K · Q = X + M.
 */
import type { Tensor1D } from "@tensorflow/tfjs-core";
import type { Rows } from "../memory/scratch-parts.js";
import { type Program, real } from "../pool/program.js";
import { blockBytes, type CachePage, type CacheShape, pageShift, tokensOfPage } from "./pages.js";
import type { Place } from "./place.js";

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

/**
 * @param qkv queries turn where they are
 * @param normAt the weights of heads' norms
 */
export function writeAttention(
  place: Place,
  shape: AttentionShape,
  plan: PlacedPlan,
  where: BlockPlace,
  qkv: Rows,
  normAt = 0,
): Rows {
  const { program, scratch } = place;
  const { heads, groups, headWidth } = shape;
  if (where.headNorm) {
    const normed = [qkv.at, qkv.at, qkv.rowBytes, normAt, headWidth, real(where.headNorm.epsilon)];
    program.addRows("rmsNorm", qkv.count, (heads + groups) * headWidth, [...normed, heads + groups]);
  }
  append(program, shape, plan, where.block, qkv);
  const mixed = scratch.rows(qkv.count, heads * headWidth);
  addAttention(program, shape, plan, where, qkv, mixed);
  return mixed;
}

/** What all blocks of a step read, in the kernels' memory. */
export interface PlacedPlan {
  /** The longest row, with its new tokens. */
  readonly longest: number;
  readonly cosAt: number;
  readonly sinAt: number;
  /** Of each new token, where the first block's keys of it go. */
  readonly keysAt: number;
  /** Of each new token, how many it attends to, and its row's table of pages. */
  readonly tokensAt: number;
  readonly unitsAt: number;
  readonly unitCount: number;
  /** Most tokens of a unit. */
  readonly unitTokens: number;
}

export function placePlan({ program, scratch }: Place, shape: AttentionShape, plan: StepPlan): PlacedPlan {
  const { rows, lengths, cos, sin } = plan;
  const keys: number[] = [];
  const tokens: number[] = [];
  for (const [b, { pages, length }] of rows.entries()) {
    const tableAt = scratch.putWhole(pages.map(({ at }) => at));
    for (let t = length; t < length + lengths[b]!; t++) {
      keys.push(pages[t >> pageShift]!.at + 4 * shape.headWidth * (t % tokensOfPage));
      tokens.push(t + 1, tableAt);
    }
  }
  const units = cutIntoUnits(keys.length, shape.groups, program.pool.threads);
  return {
    longest: Math.max(...rows.map(({ length }, b) => length + lengths[b]!)),
    cosAt: scratch.put(cos, 1).at,
    sinAt: scratch.put(sin, 1).at,
    keysAt: scratch.putWhole(keys),
    tokensAt: scratch.putWhole(tokens),
    unitsAt: scratch.putWhole(units.flat()),
    unitCount: units.length,
    unitTokens: Math.max(...units.map(([first, end]) => end - first)),
  };
}

/** Turns queries and keys, and puts keys and values into the cache. */
function append(
  program: Program,
  shape: AttentionShape,
  { cosAt, sinAt, keysAt }: PlacedPlan,
  block: number,
  qkv: Rows,
): void {
  const { heads, groups, headWidth, tokenWidth } = shape;
  const valuesFrom = 4 * (heads + groups) * headWidth;
  const places = [
    keysAt,
    block * blockBytes(shape),
    4 * tokenWidth * tokensOfPage,
    4 * headWidth * tokensOfPage,
  ];
  const details = [qkv.at, qkv.rowBytes, valuesFrom, cosAt, sinAt, heads, groups, headWidth / 2, ...places];
  program.addRows("append", qkv.count, qkv.width, details);
}

function addAttention(
  program: Program,
  shape: AttentionShape,
  { longest, tokensAt, unitsAt, unitCount, unitTokens }: PlacedPlan,
  { block, window }: BlockPlace,
  qkv: Rows,
  mixed: Rows,
): void {
  const { heads, groups, headWidth, tokenWidth, scale } = shape;
  const seen = Math.min(longest, window);
  const chunks = program.pool.chunksFor(unitCount, 2 * (heads / groups) * headWidth * seen * unitTokens);
  const chunkUnits = Math.ceil(unitCount / chunks);
  // Scores of up to four heads, and what stands behind them.
  const scoreBytes = 16 * (seen + 2);
  const details = [
    ...[qkv.at, qkv.rowBytes, mixed.at, mixed.rowBytes, tokensAt],
    ...[unitsAt, unitCount, chunkUnits, heads / groups],
    ...[4 * headWidth, pageShift, block * blockBytes(shape), 4 * tokenWidth, real(scale)],
    ...[Math.min(window, 2 ** 31 - 1), scoreBytes],
  ];
  program.add("attention", Math.ceil(unitCount / chunkUnits), details, scoreBytes * unitTokens);
}

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
