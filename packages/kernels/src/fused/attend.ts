/**
 * Rotation, the append to the cache and attention over it, as one operation. N: new tokens of all rows · H query heads ·
 * G key/value heads · K: width of a head, a multiple of four · E = H·K, M = G·K, X = E + M.
 */
import type { Tensor2D } from "@tensorflow/tfjs-core";
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

export function attend(
  pool: Pool,
  shape: AttentionShape,
  plan: StepPlan,
  { block, window }: { readonly block: number; readonly window: number },
  { qk_NX, v_NM }: { readonly qk_NX: Tensor2D; readonly v_NM: Tensor2D },
): Tensor2D {
  const count = qk_NX.shape[0];
  const work = withScratch(pool, (scratch, [qkValues, vValues]) => {
    const [qk, v] = [scratch.put(qkValues!, count), scratch.put(vValues!, count)];
    append(pool, shape, plan, block, scratch, qk, v);
    const mixed = scratch.rows(count, shape.heads * shape.headWidth);
    runAttention(pool, shape, plan, { block, window }, scratch, qk, mixed);
    return [resultOf(scratch, mixed)];
  });
  return runOnTensors([qk_NX, v_NM], work)[0]!;
}

function append(
  pool: Pool,
  shape: AttentionShape,
  { rows, lengths, cos, sin }: StepPlan,
  block: number,
  scratch: ScratchParts,
  qk: Rows,
  v: Rows,
): void {
  const { heads, groups, headWidth, tokenWidth } = shape;
  const half = headWidth / 2;
  const [cosAt, sinAt] = [scratch.put(cos, 1).at, scratch.put(sin, 1).at];
  let n = 0;
  for (const [b, { pages, length }] of rows.entries())
    for (let t = length; t < length + lengths[b]!; t++, n++) {
      const page = pages[t >> pageShift]!;
      const keysAt = page.at + block * blockBytes(shape) + 4 * tokenWidth * (t % tokensOfPage);
      const valuesAt = keysAt + 4 * tokenWidth * tokensOfPage;
      const angle = 4 * half * n;
      pool.kernels.appendToken(
        ...([qk.at + n * qk.rowBytes, v.at + n * v.rowBytes, cosAt + angle, sinAt + angle] as const),
        ...([heads, groups, half, keysAt, valuesAt] as const),
      );
    }
}

function runAttention(
  pool: Pool,
  shape: AttentionShape,
  { rows, lengths }: StepPlan,
  { block, window }: { readonly block: number; readonly window: number },
  scratch: ScratchParts,
  qk: Rows,
  mixed: Rows,
): void {
  const { heads, groups, headWidth, tokenWidth, scale } = shape;
  const tokens: number[] = [];
  let longest = 0;
  for (const [b, { pages, length }] of rows.entries()) {
    const tableAt = scratch.floats(pages.length);
    new Uint32Array(pool.heap.bytes.buffer, tableAt, pages.length).set(pages.map(({ at }) => at));
    longest = Math.max(longest, length + lengths[b]!);
    for (let t = 1; t <= lengths[b]!; t++) tokens.push(length + t, tableAt);
  }
  const tokensAt = scratch.floats(tokens.length);
  new Uint32Array(pool.heap.bytes.buffer, tokensAt, tokens.length).set(tokens);
  const units = (tokens.length / 2) * groups;
  const seen = Math.min(longest, window);
  const chunks = pool.chunksFor(units, 2 * (heads / groups) * headWidth * seen);
  const chunkUnits = Math.ceil(units / chunks);
  const details = new DataView(pool.heap.bytes.buffer, detailsAt);
  const numbers = [
    ...[qk.at, qk.rowBytes, mixed.at, mixed.rowBytes, tokensAt, units, chunkUnits, groups, heads / groups],
    ...[4 * headWidth, pageShift, block * blockBytes(shape), 4 * tokenWidth],
  ];
  for (const [i, value] of numbers.entries()) details.setUint32(4 * i, value, true);
  details.setFloat32(4 * numbers.length, scale, true);
  details.setUint32(4 * numbers.length + 4, Math.min(window, 2 ** 31 - 1), true);
  new Uint32Array(pool.heap.bytes.buffer, kindAt, 1)[0] = 1;
  // Scores of up to four heads, and what stands behind them.
  pool.run(Math.ceil(units / chunkUnits), 16 * (seen + 2));
}
