/**
 * Attention of rows that are all equally long and have nothing cached: a batch in training, or one prompt alone. All
 * rows and key/value heads in two stacked products, so that a batch costs as many calls as a row.
 *
 * R = H/G query heads share a key/value head; E = H·K, M = G·K, P = T·R queries of a key/value head, J = B·G
 * key/value heads of the batch, W = R·K.
 */
import type { Tensor, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import { matMulStacks, mul, reshape, swapMiddleAxes } from "./direct.js";
import { fastProducts } from "./fast-products.js";

/** Most scores that lie in memory at once, in one block: 2²⁴ are 64 MiB. */
const mostScores = 2 ** 24;

/**
 * Whether rows are attended together: where products of stacks are as fast as the products of matrices that
 * {@link attendRows} makes.
 */
export function areEqualRows(
  lengths: readonly number[],
  caches: readonly { readonly length: number }[],
  heads: number,
): boolean {
  const newTokens = lengths[0] ?? 0;
  const alike =
    newTokens > 1 &&
    lengths.every((length) => length === newTokens) &&
    caches.every(({ length }) => length === 0);
  return alike && lengths.length * heads * newTokens ** 2 <= mostScores && fastProducts().stacks;
}

export interface EqualRows {
  readonly q_NE: Tensor2D;
  readonly k_NM: Tensor2D;
  readonly v_NM: Tensor2D;
  /** B. */
  readonly rowCount: number;
}

/**
 * Each query's mixture of the values that it sees: `[N, E]`.
 *
 * @param weigh scores to attention weights along the last axis
 */
export function attendEqualRows(
  { q_NE, k_NM, v_NM, rowCount: B }: EqualRows,
  { heads: H, groups: G, headWidth: K, scale_11 }: EqualRowsShape,
  weigh: (scores_JPT: Tensor3D) => Tensor3D,
): Tensor2D {
  const T = q_NE.shape[0] / B;
  const W = (H / G) * K;
  const stack = (x: Tensor2D, width: number): Tensor => swapMiddleAxes(reshape(x, [B, T, G, width]));
  const q_JPK = reshape<Tensor3D>(stack(mul(q_NE, scale_11), W), [B * G, (T * H) / G, K]);
  const k_JTK = reshape<Tensor3D>(stack(k_NM, K), [B * G, T, K]);
  const v_JTK = reshape<Tensor3D>(stack(v_NM, K), [B * G, T, K]);
  const weights_JPT = weigh(matMulStacks(q_JPK, k_JTK, true));
  const mixed_JPK = matMulStacks(weights_JPT, v_JTK, false);
  return reshape(swapMiddleAxes(reshape(mixed_JPK, [B, G, T, W])), q_NE.shape);
}

interface EqualRowsShape {
  readonly heads: number;
  readonly groups: number;
  readonly headWidth: number;
  readonly scale_11: Tensor2D;
}
