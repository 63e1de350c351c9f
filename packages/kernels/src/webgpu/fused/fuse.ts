import { type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import type { AttentionShape, StepPlan } from "../../fused/attend.js";
import type { Block } from "../../fused/blocks.js";
import type { FusedOperations } from "../../fused/fuse.js";
import { growPages } from "../../fused/pages.js";
import { mostBytesOf, webGpuBackend } from "../backend.js";
import type { PackedParts } from "../products.js";
import { attend, type PlacedPlan, placePlan } from "./attend.js";
import { CardPages } from "./card-pages.js";
import { addFeedForward, addProduct, normProduct } from "./operations.js";

/** The fused operations of one model on a card, and its caches. */
export type FusedOnCard = FusedOperations<PackedParts>;

/** @param onPages is called when caches take their first page, and when they gave back their last */
export function fuseOnCard(onPages: (pages: CardPages) => void): FusedOnCard {
  const backend = webGpuBackend();
  let store: CardPages | undefined;
  return {
    // Tensors are on the card as they are.
    hold: () => {},
    normProduct,
    growPages: (shape, pages, length, newTokens) => {
      store ??= new CardPages(backend, shape, mostBytesOf(backend), onPages);
      return growPages(store, pages, length, newTokens);
    },
    runBlocks: (...given) => tidy(() => runBlocks(store!, ...given)),
  };
}

function runBlocks(
  pages: CardPages,
  shape: AttentionShape,
  blocks: readonly Block<PackedParts>[],
  plans: readonly StepPlan[],
  x_ND: Tensor2D,
): Tensor2D {
  const placed = new Map([...new Set(plans)].map((plan) => [plan, placePlan(plan)]));
  let states_ND = x_ND;
  for (const [i, block] of blocks.entries()) {
    const before_ND = states_ND;
    const plan = placed.get(plans[i]!)!;
    states_ND = tidy(() => runBlock(pages, shape, plan, i, block, before_ND));
    if (i > 0) before_ND.dispose();
  }
  return states_ND;
}

function runBlock(
  pages: CardPages,
  shape: AttentionShape,
  plan: PlacedPlan,
  i: number,
  { attentionNorm, qkv, headNorm, window, out, outNorm, feedForward }: Block<PackedParts>,
  x_ND: Tensor2D,
): Tensor2D {
  const qkv_NQ = normProduct(x_ND, attentionNorm, qkv);
  const mixed_NE = attend(pages, shape, plan, { block: i, window, headNorm }, qkv_NQ);
  const middle_ND = addProduct(mixed_NE, out, x_ND, outNorm);
  return addFeedForward(middle_ND, feedForward);
}
