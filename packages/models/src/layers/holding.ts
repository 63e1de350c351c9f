/**
 * Who holds what rows have cached. A session holds a tensor, or a page, once, however many of its rows have it; a fork holds it
 * too, and the last one that lets it go frees it.
 */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { CachePage } from "../weights/stored-kernels.js";
import { heldByCache, type RowCache } from "./kv-cache.js";

type Held = Tensor2D | CachePage;

/** How many sessions hold it beside the first. */
const others = new WeakMap<Held, number>();

/** Another session, which holds `own` already, takes `caches`. */
export function holdToo(caches: readonly RowCache[], own: readonly RowCache[] = []): void {
  for (const held of heldBy(caches, own)) others.set(held, (others.get(held) ?? 0) + 1);
}

/** A session lets go of `caches`, but for what it keeps. */
export function letGo(caches: readonly RowCache[], kept: readonly RowCache[]): void {
  for (const held of heldBy(caches, kept)) {
    const count = others.get(held) ?? 0;
    if (count === 0) held.dispose();
    else others.set(held, count - 1);
  }
}

/** What these caches hold and those others don't. */
function heldBy(caches: readonly RowCache[], without: readonly RowCache[]): Set<Held> {
  const rest = new Set(without.flatMap(heldByCache));
  return new Set(caches.flatMap(heldByCache).filter((held) => !rest.has(held)));
}
