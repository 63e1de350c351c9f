import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Pool } from "../pool/pool.js";
import type { AttentionShape, StepPlan } from "./attend.js";
import { type Block, holdParameters, runBlocks } from "./blocks.js";
import { type Linear, type Norm, normProduct, type WeightParts } from "./operations.js";
import { type CachePage, type CacheShape, growPages, pagesIn } from "./pages.js";

/** A model's pass in one memory: the processor's, or a card's. */
export interface FusedOperations<Parts = WeightParts> {
  /** Puts norms' weights and biases where passes read them, once for all passes; they go with the weights. */
  hold(blocks: readonly Block<Parts>[], norm: Norm, head: Linear<Parts>): void;
  normProduct(x_ND: Tensor2D, norm: Norm, linear: Linear<Parts>): Tensor2D;
  growPages(
    shape: CacheShape,
    pages: readonly CachePage[],
    length: number,
    newTokens: number,
  ): readonly CachePage[];
  /** @param plans of each block; those that turn their heads alike share one */
  runBlocks(
    shape: AttentionShape,
    blocks: readonly Block<Parts>[],
    plans: readonly StepPlan[],
    x_ND: Tensor2D,
  ): Tensor2D;
}

export function fuseIn(pool: Pool): FusedOperations {
  return {
    hold: holdParameters,
    normProduct,
    growPages: (shape, pages, length, newTokens) => growPages(pagesIn(pool, shape), pages, length, newTokens),
    runBlocks,
  };
}
