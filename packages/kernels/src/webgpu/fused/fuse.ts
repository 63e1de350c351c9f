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
