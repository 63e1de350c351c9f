import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Pool } from "../pool/pool.js";
import { type AttentionShape, attend, type BlockPlace, type StepPlan } from "./attend.js";
import {
  addFeedForward,
  addProduct,
  type FeedForward,
  type Linear,
  type Norm,
  normProduct,
  type WeightParts,
} from "./operations.js";
import { type CachePage, type CacheShape, growPages, pagesIn } from "./pages.js";

/** The fused operations in one memory: the processor's, or a card's. */
export interface FusedOperations<Parts = WeightParts> {
  normProduct(x_ND: Tensor2D, norm: Norm, linear: Linear<Parts>): Tensor2D;
  addProduct(x_NE: Tensor2D, linear: Linear<Parts>, y_ND: Tensor2D, norm?: Norm): Tensor2D;
  addFeedForward(x_ND: Tensor2D, feedForward: FeedForward<Parts>): Tensor2D;
  growPages(
    shape: CacheShape,
    pages: readonly CachePage[],
    length: number,
    newTokens: number,
  ): readonly CachePage[];
  /** The plan where `attend` reads it: once for a step, in its tidy. */
  place(plan: StepPlan): StepPlan;
  attend(shape: AttentionShape, plan: StepPlan, where: BlockPlace, qkv_NQ: Tensor2D): Tensor2D;
}

export function fuseIn(pool: Pool): FusedOperations {
  return {
    normProduct,
    addProduct,
    addFeedForward,
    growPages: (shape, pages, length, newTokens) => growPages(pagesIn(pool, shape), pages, length, newTokens),
    place: (plan) => plan,
    attend: (shape, plan, where, qkv_NQ) => attend(pool, shape, plan, where, qkv_NQ),
  };
}
