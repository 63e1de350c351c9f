import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import type { Pool } from "../pool/pool.js";
import { type AttentionShape, attend, type StepPlan } from "./attend.js";
import {
  addFeedForward,
  addProduct,
  type FeedForwardParts,
  normProducts,
  type WeightParts,
} from "./operations.js";
import { type CachePage, type CacheShape, growPages } from "./pages.js";

/** The fused operations in one memory. */
export interface FusedOperations {
  normProducts(
    x_ND: Tensor2D,
    norm_D: Tensor1D,
    epsilon: number,
    weights: readonly WeightParts[],
  ): Tensor2D[];
  addProduct(x_NE: Tensor2D, weight: WeightParts, y_ND: Tensor2D): Tensor2D;
  addFeedForward(x_ND: Tensor2D, norm_D: Tensor1D, epsilon: number, parts: FeedForwardParts): Tensor2D;
  growPages(
    shape: CacheShape,
    pages: readonly CachePage[],
    length: number,
    newTokens: number,
  ): readonly CachePage[];
  attend(
    shape: AttentionShape,
    plan: StepPlan,
    where: { readonly block: number; readonly window: number },
    heads: { readonly qk_NX: Tensor2D; readonly v_NM: Tensor2D },
  ): Tensor2D;
}

export function fuseIn(pool: Pool): FusedOperations {
  return {
    normProducts,
    addProduct,
    addFeedForward,
    growPages: (shape, pages, length, newTokens) => growPages(pool, shape, pages, length, newTokens),
    attend: (shape, plan, where, heads) => attend(pool, shape, plan, where, heads),
  };
}
