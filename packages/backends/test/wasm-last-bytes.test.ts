/** The end of a heap of 4 GiB. Addresses only: nobody writes to what is taken, so that it costs no memory. */
import { xoshiro128 } from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { startBackend } from "../src/index.js";

interface Backend {
  readonly wasm: { _malloc(bytes: number): number; _free(address: number): void };
}

beforeAll(() => startBackend("wasm"));

/** Takes big blocks and then smaller ones, until a thousand were refused; gives some back in between, and all at the end. */
function fillAndEmpty(wasm: Backend["wasm"], random: () => number): number {
  const taken: number[] = [];
  let end = 0;
  let refusals = 0;
  const take = (bytes: number) => {
    try {
      const address = wasm._malloc(bytes) >>> 0;
      taken.push(address);
      end = Math.max(end, address + bytes);
    } catch {
      refusals++;
    }
  };
  for (let i = 0; i < 31; i++) take(2 ** 27 - Math.floor(random() * 2 ** 20));
  while (refusals < 1000) {
    take(Math.floor(2 ** (8 + 16 * random())));
    if (refusals > 0 && random() < 0.5) wasm._free(taken.splice(Math.floor(random() * taken.length), 1)[0]!);
  }
  for (const address of taken) wasm._free(address);
  return end;
}

// Seen before: blocks that ended millions of bytes past the heap.
test("seeded fills never reach the heap's last bytes, and what was taken comes back", () => {
  const { wasm } = tf.backend() as unknown as Backend;
  const random = xoshiro128(2);
  const ends = Array.from({ length: 5 }, () => fillAndEmpty(wasm, random));
  expect(Math.max(...ends)).toBeGreaterThan(2 ** 32 - 2 ** 24);
  expect(Math.max(...ends)).toBeLessThanOrEqual(2 ** 32 - 2 ** 16 - 2 ** 18);
  // What would have ended past the heap can't be given back: of 4,095 MiB most are there.
  const blocks = Array.from({ length: 3300 }, () => wasm._malloc(2 ** 20));
  for (const address of blocks) wasm._free(address);
});
