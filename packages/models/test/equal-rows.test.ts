/** Rows attended together against the same rows one by one: the two ways that a prefill may take. */
import { startBackend } from "@amulet-ts/backends";
import { xoshiro128 } from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  attendRows,
  attentionConstants,
  attentionMasks,
  type BatchMasks,
  disposeAttention,
} from "../src/layers/attention.js";
import { areEqualRows } from "../src/layers/equal-rows.js";
import { fastProducts } from "../src/layers/fast-products.js";
import { emptyCache } from "../src/layers/kv-cache.js";

const agreedKey = Symbol.for("@amulet-ts/fast-products");

const shapes = fc.record({
  rows: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 2, max: 6 }),
  groups: fc.integer({ min: 1, max: 3 }),
  shared: fc.integer({ min: 1, max: 3 }),
  headWidth: fc.constantFrom(2, 4),
  window: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
  softCap: fc.constantFrom(undefined, 2),
  seed: fc.nat(),
});

describe("on cpu", () => {
  let before = 0;
  beforeAll(async () => {
    await startBackend("cpu");
  });
  beforeEach(() => {
    before = tf.memory().numTensors;
  });
  afterEach(() => expect(tf.memory().numTensors).toBe(before));

  it("equal rows together are equal rows one by one", () => {
    fc.assert(
      fc.property(shapes, ({ rows, length, groups, shared, headWidth, window, softCap, seed }) => {
        const shape = { heads: groups * shared, groups, headWidth };
        const constants = attentionConstants(shape, headWidth ** -0.5, softCap);
        const lengths = Array.from({ length: rows }, () => length);
        const draw = xoshiro128(seed);
        const random = (width: number) =>
          tf.tensor2d(
            Float32Array.from({ length: rows * length * width }, () => 4 * draw() - 2),
            [rows * length, width],
          );
        const worst = tf.tidy(() => {
          const [q_NE, k_NM, v_NM] = [shape.heads, groups, groups].map((heads) => random(heads * headWidth));
          const caches = lengths.map(() => emptyCache(1));
          const masks = attentionMasks(lengths, caches, [window], shape).get(window)!;
          expect(masks).toHaveProperty("equal");
          const mix = (by: BatchMasks) =>
            attendRows(
              { q_NE: q_NE!, k_NM: k_NM!, v_NM: v_NM! },
              lengths,
              lengths.map(() => ({})),
              by,
              constants,
            );
          const [together, apart] = [mix(masks), mix(oneByOne(lengths, window))];
          expect(together.caches.map(cacheOf)).toEqual(apart.caches.map(cacheOf));
          return tf.max(tf.abs(tf.sub(together.mixed_NE, apart.mixed_NE))).dataSync()[0]!;
        });
        disposeAttention(constants);
        // Mixtures of values up to 2 over at most 6 tokens, summed in another order: a few units in the last place.
        expect(worst).toBeLessThan(2e-6);
      }),
      { numRuns: 60 },
    );
  });

  it("one token each, unequal rows, rows with a past and more scores than memory has are not taken together", () => {
    const past = { length: 1, blocks: [] };
    const none = emptyCache(1);
    expect(areEqualRows([2, 2], [none, none], 1)).toBe(true);
    expect(areEqualRows([1, 1], [none, none], 1)).toBe(false);
    expect(areEqualRows([2, 3], [none, none], 1)).toBe(false);
    expect(areEqualRows([2, 2], [none, past], 1)).toBe(false);
    expect(areEqualRows([2 ** 12], [none], 1)).toBe(true);
    expect(areEqualRows([2 ** 12 + 1], [none], 1)).toBe(false);
  });
});

describe("what a backend says of its products", () => {
  const twoRows = () => areEqualRows([2, 2], [emptyCache(1), emptyCache(1)], 1);

  it.each(["wasm", "cpu"])("%s: what it was started with is what forward passes find", async (name) => {
    const { fastProducts: said } = await startBackend(name);
    expect(fastProducts()).toEqual(said);
    expect(twoRows()).toBe(said.stacks);
  });

  it("goes with the backend that runs, however it was changed", async () => {
    await startBackend("cpu");
    await startBackend("wasm");
    expect(twoRows()).toBe(false);
    await tf.setBackend("cpu");
    expect(twoRows()).toBe(true);
  });

  it("of one that was started by other means nothing is known: rows one by one", async () => {
    await startBackend("cpu");
    const other = Object.create(tf.backend(), { [agreedKey]: { value: undefined } });
    tf.registerBackend("unknown", () => other);
    await tf.setBackend("unknown");
    expect(fastProducts()).toEqual({ stacks: false, turned: false });
    expect(twoRows()).toBe(false);
    await tf.setBackend("cpu");
    tf.removeBackend("unknown");
  });
});

/** The masks written out: a token sees itself and the window − 1 tokens before it. */
function oneByOne(lengths: readonly number[], window: number): BatchMasks {
  const sees = (t: number, s: number) => s <= t && t - s < window;
  const mask = (length: number) =>
    tf.tensor2d(
      Array.from({ length }, (_, t) => Array.from({ length }, (_, s) => (sees(t, s) ? 0 : -1e9))),
      [length, length],
    );
  return { rows: lengths.map(mask) };
}

function cacheOf({
  long,
}: {
  readonly long?: { readonly keys_MS: tf.Tensor; readonly values_SM: tf.Tensor };
}) {
  return [long!.keys_MS.arraySync(), long!.values_SM.arraySync()];
}
