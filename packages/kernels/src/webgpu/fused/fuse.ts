import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { AttentionShape, BlockPlace, StepPlan } from "../../fused/attend.js";
import { type CachePage, type CacheShape, growPages } from "../../fused/pages.js";
import { mostBytesOf, webGpuBackend } from "../backend.js";
import { attend, type PlacedPlan, placePlan } from "./attend.js";
import { CardPages } from "./card-pages.js";
import {
  addFeedForward,
  addProduct,
  type FeedForward,
  type Linear,
  type Norm,
  normProduct,
} from "./operations.js";

/** The fused operations of one model, and its caches. */
export interface FusedOnCard {
  normProduct(x_ND: Tensor2D, norm: Norm, linear: Linear): Tensor2D;
  addProduct(x_NE: Tensor2D, linear: Linear, y_ND: Tensor2D, norm?: Norm): Tensor2D;
  addFeedForward(x_ND: Tensor2D, feedForward: FeedForward): Tensor2D;
  growPages(
    shape: CacheShape,
    pages: readonly CachePage[],
    length: number,
    newTokens: number,
  ): readonly CachePage[];
  place(plan: StepPlan): StepPlan;
  attend(shape: AttentionShape, plan: StepPlan, where: BlockPlace, qkv_NQ: Tensor2D): Tensor2D;
}

/** @param onPages is called when caches take their first page, and when they gave back their last */
export function fuseOnCard(onPages: (pages: CardPages) => void): FusedOnCard {
  const backend = webGpuBackend();
  let store: CardPages | undefined;
  return {
    normProduct,
    addProduct,
    addFeedForward,
    growPages: (shape, pages, length, newTokens) => {
      store ??= new CardPages(backend, shape, mostBytesOf(backend), onPages);
      return growPages(store, pages, length, newTokens);
    },
    place: placePlan,
    attend: (shape, plan, where, qkv_NQ) => attend(store!, shape, plan as PlacedPlan, where, qkv_NQ),
  };
}
