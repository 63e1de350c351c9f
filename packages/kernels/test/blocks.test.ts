/** All blocks as one piece of work: the numbers of its operations one by one, bit for bit, over caches that grow; and nothing left of one that fails. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import type { AttentionShape, StepPlan } from "../src/fused/attend.js";
import { type Block, runBlocks } from "../src/fused/blocks.js";
import { type Linear, type Norm, normProduct } from "../src/fused/operations.js";
import { type CachePage, growPages, pagesIn } from "../src/fused/pages.js";
import { ScratchParts } from "../src/memory/scratch-parts.js";
import { Pool } from "../src/pool/pool.js";
import { storedTypes } from "../src/stored-types.js";
import { KernelWeight } from "../src/weights/kernel-weight.js";
import { noise } from "./attention-laws.js";
import { addFeedForward, addProduct, attend } from "./operations-alone.js";

withoutLeaks("wasm");

const pool = new Pool(3);
/** Holds the pool open between cases. */
const anchor = pool.heap.allocate(1);
afterAll(() => pool.release(anchor));

const shapes = fc.record({
  groups: fc.integer({ min: 1, max: 2 }),
  shared: fc.integer({ min: 1, max: 3 }),
  headWidth: fc.constantFrom(4, 8, 20),
  /** D, and what the feed-forward makes of it; padded where they are no multiples of eight. */
  width: fc.constantFrom(5, 16, 40),
  inner: fc.constantFrom(7, 24, 40),
  blockCount: fc.integer({ min: 1, max: 4 }),
  /** Layer norms with biases as in GPT-2, norms of heads and after products as in Gemma 3; no gate as in GPT-2. */
  style: fc.constantFrom("llama", "gpt2", "gemma3"),
  window: fc.constantFrom(3, Number.POSITIVE_INFINITY),
});
type Shape = typeof shapes extends fc.Arbitrary<infer T> ? T : never;

const numbers = (count: number) => Float32Array.from({ length: count }, noise);
const vector = (length: number) => tf.tensor1d(numbers(length));

function linear(inputs: number, outputs: readonly number[], hasBias: boolean): Linear {
  const parts = outputs.map((count) => {
    const weight = new KernelWeight(pool, storedTypes.get("F32")!, count, inputs);
    weight.write(0, new Uint8Array(numbers(count * inputs).buffer));
    return weight;
  });
  return { parts, biases: hasBias ? outputs.map(vector) : [] };
}

function drawBlock(shape: Shape): Block {
  const { groups, shared, headWidth, width, inner, style, window } = shape;
  const [isGpt2, isGemma3] = [style === "gpt2", style === "gemma3"];
  const norm = (of = width): Norm => ({
    weight_D: vector(of),
    ...(isGpt2 ? { bias_D: vector(of) } : {}),
    epsilon: 1e-5,
  });
  const heads = groups * shared;
  return {
    attentionNorm: norm(),
    qkv: linear(width, [(heads + groups) * headWidth, groups * headWidth], isGpt2),
    headNorm: isGemma3 ? { weight_X: vector((heads + groups) * headWidth), epsilon: 1e-6 } : undefined,
    window,
    out: linear(heads * headWidth, [width], isGpt2),
    ...(isGemma3 ? { outNorm: norm() } : {}),
    feedForward: {
      norm: norm(),
      activation: style === "llama" ? "silu" : "gelu",
      ...(isGpt2 ? {} : { gate: linear(width, [inner], false) }),
      up: linear(width, [inner], isGpt2),
      down: linear(inner, [width], isGpt2),
      ...(isGemma3 ? { outNorm: norm() } : {}),
    },
  };
}

function disposeBlock({ qkv, out, feedForward: { gate, up, down } }: Block): void {
  for (const { parts } of [qkv, out, up, down, ...(gate ? [gate] : [])])
    for (const part of parts) (part as KernelWeight).dispose();
}

type Run = typeof runBlocks;

/** As tensors, an operation at a time. */
const oneByOne: Run = (shape, blocks, plans, x_ND) =>
  tf.tidy(() => {
    let states_ND = x_ND;
    for (const [i, { attentionNorm, qkv, headNorm, window, out, outNorm, feedForward }] of blocks.entries()) {
      const qkv_NQ = normProduct(states_ND, attentionNorm, qkv);
      const mixed_NE = attend(pool, shape, plans[i]!, { block: i, window, headNorm }, qkv_NQ);
      states_ND = addFeedForward(addProduct(mixed_NE, out, states_ND, outNorm), feedForward);
    }
    return states_ND;
  });

/** New tokens of rows, call by call: states of all calls, by a cache of its own. */
function runCalls(
  run: Run,
  drawn: Shape,
  blocks: readonly Block[],
  calls: readonly (readonly number[])[],
): number[] {
  const { groups, shared, headWidth, width } = drawn;
  const sizes = { heads: groups * shared, groups, headWidth, tokenWidth: groups * headWidth };
  const shape: AttentionShape = { ...sizes, blockCount: blocks.length, scale: headWidth ** -0.5 };
  const states: number[] = [];
  const made = new Set<CachePage>();
  let rows: { pages: readonly CachePage[]; length: number }[] = calls[0]!.map(() => ({
    pages: [],
    length: 0,
  }));
  let drawnNumbers = 0;
  const next = () => Math.sin(++drawnNumbers);
  try {
    for (const lengths of calls) {
      const count = lengths.reduce((sum, length) => sum + length, 0);
      const grown = rows.map(({ pages, length }, b) => {
        const ofRow = growPages(pagesIn(pool, shape), pages, length, lengths[b]!);
        for (const page of ofRow) made.add(page);
        return ofRow;
      });
      const where = { rows: rows.map(({ length }, b) => ({ pages: grown[b]!, length })), lengths };
      const plan = (): StepPlan => {
        const angles = Array.from({ length: (count * headWidth) / 2 }, () => 3 * next());
        return {
          ...where,
          cos: Float32Array.from(angles, Math.cos),
          sin: Float32Array.from(angles, Math.sin),
        };
      };
      // Every other block turns its heads in another way.
      const two = [plan(), plan()];
      const x_ND = tf.tensor2d(Float32Array.from({ length: count * width }, next), [count, width]);
      const result_ND = run(
        shape,
        blocks,
        blocks.map((_, i) => two[i % 2]!),
        x_ND,
      );
      states.push(...result_ND.dataSync());
      tf.dispose([x_ND, result_ND]);
      rows = rows.map(({ length }, b) => ({ pages: grown[b]!, length: length + lengths[b]! }));
    }
    return states;
  } finally {
    for (const page of made) page.dispose();
  }
}

function withBlocks(drawn: Shape, act: (blocks: readonly Block[]) => void): void {
  tf.tidy(() => {
    const blocks = Array.from({ length: drawn.blockCount }, () => drawBlock(drawn));
    try {
      act(blocks);
    } finally {
      for (const block of blocks) disposeBlock(block);
    }
  });
}

/** A pair, and more than are multiplied in registers. */
const calls = fc.constantFrom(
  [[1], [1]],
  [[2], [3], [1]],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [5, 40],
    [1, 1],
    [2, 1],
  ],
);
const one: Shape = {
  ...{ groups: 2, shared: 3, headWidth: 8, width: 40, inner: 24, blockCount: 3 },
  ...{ style: "gemma3", window: Number.POSITIVE_INFINITY },
};
const oneCalls = [
  [5, 40],
  [1, 1],
];

describe("all blocks in one piece", () => {
  test("give what their operations give one by one, bit for bit", () => {
    fc.assert(
      fc.property(shapes, calls, (drawn, calls) => {
        withBlocks(drawn, (blocks) => {
          const expected = runCalls(oneByOne, drawn, blocks, calls);
          expect(expected.every(Number.isFinite)).toBe(true);
          expect(runCalls(runBlocks, drawn, blocks, calls)).toEqual(expected);
        });
      }),
      { numRuns: 60 },
    );
  });

  test("are the same however many chunks their jobs are cut into", () => {
    fc.assert(
      fc.property(shapes, calls, fc.integer({ min: 2, max: 9 }), (drawn, calls, chunks) => {
        withBlocks(drawn, (blocks) => {
          const expected = runCalls(runBlocks, drawn, blocks, calls);
          const cut = vi.spyOn(pool, "chunksFor").mockImplementation((units) => Math.min(units, chunks));
          try {
            expect(runCalls(runBlocks, drawn, blocks, calls)).toEqual(expected);
          } finally {
            cut.mockRestore();
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  test("and a weight that lies where the next block writes is seen", () => {
    withBlocks(one, (blocks) => {
      const expected = runCalls(oneByOne, one, blocks, oneCalls);
      const put = vi.spyOn(ScratchParts.prototype, "put").mockImplementation(function (
        this: ScratchParts,
        values,
        count,
      ) {
        const rows = this.rows(count, values.length / count);
        pool.heap.floats(rows.at, values.length).set(values);
        return rows;
      });
      try {
        expect(runCalls(runBlocks, one, blocks, oneCalls)).not.toEqual(expected);
      } finally {
        put.mockRestore();
      }
    });
  });

  test("take no more memory for more blocks, but for their own weights", () => {
    const most: number[] = [];
    for (const blockCount of [2, 12]) {
      const drawn: Shape = { ...one, style: "llama", blockCount };
      withBlocks(drawn, (blocks) => {
        const before = pool.heap.heldBytes;
        const play = vi.spyOn(pool, "play");
        let peak = 0;
        play.mockImplementation(() => {
          peak = Math.max(peak, pool.heap.heldBytes - before);
        });
        runCalls(runBlocks, drawn, blocks, [[64]]);
        play.mockRestore();
        most.push(peak);
      });
    }
    // Two norms of a block, and the keys and values of two pages in it.
    const ofBlock = 2 * 192 + 2 * 4 * 2 * 32 * 16;
    expect(most[1]! - most[0]!).toBeLessThanOrEqual(10 * ofBlock);
  });

  test("whose parameters can't be read leave nothing beside a weight", () => {
    withBlocks(one, ([block]) => {
      const [weight] = block!.qkv.parts;
      const held = pool.heap.holds;
      const parameter = vector(8);
      const spy = vi.spyOn(tf.engine(), "runKernel").mockImplementation(() => {
        throw new Error("no room");
      });
      expect(() => weight!.beside([parameter])).toThrow("no room");
      spy.mockRestore();
      expect(pool.heap.holds).toBe(held);
    });
  });

  test("that find no room, wherever it ends, leave nothing and change nothing", () => {
    withBlocks(one, (blocks) => {
      const expected = runCalls(runBlocks, one, blocks, oneCalls);
      const held = pool.heap.holds;
      const { allocate } = pool.heap;
      let attempt = 0;
      for (let isThrough = false; !isThrough; attempt++) {
        let left = attempt;
        const spy = vi.spyOn(pool.heap, "allocate").mockImplementation((bytes) => {
          if (left-- === 0) throw new Error("no room");
          return allocate.call(pool.heap, bytes);
        });
        try {
          expect(runCalls(runBlocks, one, blocks, oneCalls)).toEqual(expected);
          isThrough = true;
        } catch (error) {
          expect(error).toEqual(new Error("no room"));
        } finally {
          spy.mockRestore();
        }
        expect(pool.heap.holds).toBe(held);
      }
      // Pages, the plan, rooms of a block, and the jobs, twice; the blocks' parameters are there.
      expect(attempt).toBeGreaterThan(40);
    });
  });
});
