/** The wasm kernels' fused operations, in both builds. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { normProduct } from "../src/fused/operations.js";
import { hasRelaxedSimd } from "../src/memory/relaxed-simd.js";
import { Pool } from "../src/pool/pool.js";
import { storedTypes } from "../src/stored-types.js";
import { KernelWeight } from "../src/weights/kernel-weight.js";
import {
  casesOf,
  drawFeedForward,
  faults,
  type Operations,
  worstAddProduct,
  worstFeedForward,
  worstNormProduct,
} from "./operation-laws.js";
import { addFeedForward, addProduct } from "./operations-alone.js";

withoutLeaks("wasm");

const pools = (hasRelaxedSimd() ? [false, true] : [false]).map((isRelaxed) => new Pool(2, isRelaxed));
/** Hold the pools open between cases. */
const anchors = pools.map(({ heap }) => heap.allocate(1));
afterAll(() => {
  for (const [i, anchor] of anchors.entries()) pools[i]!.release(anchor);
});

const builds = pools.map((pool): Operations => {
  const hold: Operations["hold"] = (rows) => {
    const weight = new KernelWeight(pool, storedTypes.get("F32")!, rows.length, rows[0]!.length);
    weight.write(0, new Uint8Array(Float32Array.from(rows.flat()).buffer));
    return weight;
  };
  return { backend: "wasm", hold, normProduct, addProduct, addFeedForward } as unknown as Operations;
});

async function worstOfBuilds(run: (operations: Operations) => Promise<number>): Promise<number> {
  let worst = 0;
  for (const build of builds) worst = Math.max(worst, await run(build));
  return worst;
}

describe("a fused operation is float64's", () => {
  test.each([
    ["norm and product", worstNormProduct],
    ["product, its norm and what it is added to", worstAddProduct],
  ])("%s", async (_, worst) => {
    await fc.assert(
      fc.asyncProperty(casesOf(), async (given) => {
        expect(await worstOfBuilds((build) => worst(build, given))).toBeLessThan(1);
      }),
      { numRuns: 100 },
    );
  });

  test("feed-forward", async () => {
    await fc.assert(
      fc.asyncProperty(casesOf(), async (given) => {
        const { x, drawn } = drawFeedForward(given);
        expect(await worstOfBuilds((build) => worstFeedForward(build, x, drawn))).toBeLessThan(1);
      }),
      { numRuns: 100 },
    );
  });

  test.each(faults)("and %s is seen", async (_, given, spoil) => {
    const { x, drawn } = drawFeedForward(given);
    expect(await worstOfBuilds((build) => worstFeedForward(build, x, drawn))).toBeLessThan(1);
    const seen = await Promise.all(builds.map((build) => worstFeedForward(build, x, drawn, spoil(drawn))));
    expect(Math.min(...seen)).toBeGreaterThan(10);
  });
});
