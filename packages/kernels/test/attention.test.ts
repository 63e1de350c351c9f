/** The wasm kernels' attention, in both builds. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import { cutIntoUnits } from "../src/fused/attend.js";
import { CachePage, pagesIn } from "../src/fused/pages.js";
import { hasRelaxedSimd } from "../src/memory/relaxed-simd.js";
import { Pool } from "../src/pool/pool.js";
import {
  type Attention,
  attendInCalls,
  fork,
  forked,
  noise,
  shapes,
  steps,
  tolerance,
  worstDifference,
} from "./attention-laws.js";
import { attend } from "./operations-alone.js";

withoutLeaks("wasm");

const pools = (hasRelaxedSimd() ? [false, true] : [false]).map((isRelaxed) => new Pool(3, isRelaxed));
/** Hold the pools open between cases. */
const anchors = pools.map(({ heap }) => heap.allocate(1));
afterAll(() => {
  for (const [i, anchor] of anchors.entries()) pools[i]!.release(anchor);
});

const builds = pools.map(
  (pool): Attention => ({
    backend: "wasm",
    store: (shape) => pagesIn(pool, shape),
    attend: (_, ...given) => attend(pool, ...given),
  }),
);
const onWasm = builds.at(-1)!;

describe.each(builds.map((build, i) => [i ? "relaxed" : "plain", build] as const))(
  "attention, %s",
  (_, onWasm) => {
    test("are the same for a token alone and among others, bit for bit", async () => {
      const counts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 });
      await fc.assert(
        fc.asyncProperty(shapes, counts, async (drawn, calls) => {
          const shape = { ...drawn, normed: false };
          const total = calls.reduce((sum, count) => sum + count, 0);
          const width = (shape.shared + 2) * shape.groups * shape.headWidth;
          const qkv = Float32Array.from({ length: total * width }, noise);
          const alone = await attendInCalls(onWasm, shape, qkv, new Array<number>(total).fill(1));
          expect(await attendInCalls(onWasm, shape, qkv, calls)).toEqual(alone);
        }),
        { numRuns: 30 },
      );
    });

    test("are float64's over rows that grow, part and go back", async () => {
      await fc.assert(
        fc.asyncProperty(shapes, steps, async (shape, actions) => {
          expect(await worstDifference(onWasm, shape, actions)).toBeLessThan(tolerance(onWasm, shape));
        }),
        { numRuns: 40 },
      );
    });
  },
);

describe("rotation, append and attention", () => {
  test("have every token and key/value head in one unit, and as many of them for each thread as for others", () => {
    const [counts, few] = [fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 8 })];
    fc.assert(
      fc.property(counts, few, few, (count, groups, threads) => {
        const units = cutIntoUnits(count, groups, threads);
        const found = units.flatMap(([first, end, group]) =>
          Array.from({ length: end - first }, (_, t) => (first + t) * groups + group),
        );
        expect(found.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count * groups }, (_, i) => i));
        // Whoever is free takes the next one.
        const loads = new Array<number>(threads).fill(0);
        for (const [first, end] of units) {
          const free = loads.indexOf(Math.min(...loads));
          loads[free] = loads[free]! + end - first;
        }
        const unevenTiles = count % units[0]![1] === 0 ? 0 : units[0]![1];
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(Math.max(1, unevenTiles));
      }),
    );
    expect(cutIntoUnits(2, 3, 2)).toEqual([
      [0, 2, 0],
      [0, 2, 1],
      [0, 1, 2],
      [1, 2, 2],
    ]);
  });

  test("a page that is written to although a fork shares it is seen", async () => {
    expect(await worstDifference(onWasm, forked, fork)).toBeLessThan(tolerance(onWasm, forked));
    const careless = vi.spyOn(CachePage.prototype, "forAppending").mockImplementation(function (
      this: CachePage,
    ) {
      return this;
    });
    try {
      expect(await worstDifference(onWasm, forked, fork)).toBeGreaterThan(tolerance(onWasm, forked));
    } finally {
      careless.mockRestore();
    }
  });
});
