/** The wasm kernels' operations as functions of tensors, one by one: models run them as parts of their blocks. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import {
  type AttentionShape,
  type BlockPlace,
  placePlan,
  type StepPlan,
  writeAttention,
} from "../src/fused/attend.js";
import {
  type FeedForward,
  type Linear,
  type Norm,
  writeAddProduct,
  writeFeedForward,
} from "../src/fused/operations.js";
import { runIn } from "../src/fused/place.js";
import type { Pool } from "../src/pool/pool.js";

/** y + x·w, or with a norm y + norm(x·w). */
export function addProduct(x_NE: Tensor2D, linear: Linear, y_ND: Tensor2D, norm?: Norm): Tensor2D {
  return runIn(linear.parts[0]!.pool, [x_NE, y_ND], (place, x, y) => {
    writeAddProduct(place, y!, x!, linear, norm);
    return y!;
  });
}

/** x + what a feed-forward makes of x's norm. */
export function addFeedForward(x_ND: Tensor2D, feedForward: FeedForward): Tensor2D {
  return runIn(feedForward.up.parts[0]!.pool, [x_ND], (place, x) => {
    writeFeedForward(place, x!, feedForward);
    return x!;
  });
}

/** @param qkv_NQ queries, keys and values side by side */
export function attend(
  pool: Pool,
  shape: AttentionShape,
  plan: StepPlan,
  where: BlockPlace,
  qkv_NQ: Tensor2D,
): Tensor2D {
  return runIn(pool, [qkv_NQ], (place, qkv) => {
    const weightAt =
      where.headNorm && place.scratch.put(where.headNorm.weight_X.dataSync() as Float32Array, 1).at;
    return writeAttention(place, shape, placePlan(place, shape, plan), where, qkv!, weightAt);
  });
}
