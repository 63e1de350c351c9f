/** Bounded Amulet's search by a kernel: within its budget by float64, and where core's tensor form ends. */
import { extrapolateWithin, logPolicy } from "@amulet-ts/core";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { searchDrift } from "../src/fused/drift-search.js";
import { Pool } from "../src/pool/pool.js";

withoutLeaks("wasm");

const pool = new Pool(1);
const anchor = pool.heap.allocate(1);
afterAll(() => pool.release(anchor));

/** KL(π_γ ‖ π_pref) by float64 from the rows that were given, normalised anew. */
function drift(base: ArrayLike<number>, preference: ArrayLike<number>, gamma: number): number {
  const exponents = Array.from(preference, (p, i) => p + gamma * (p - base[i]!));
  const logOf = (row: ArrayLike<number>) => {
    const most = Math.max(...Array.from(row));
    return most + Math.log(Array.from(row, (x) => Math.exp(x - most)).reduce((sum, x) => sum + x, 0));
  };
  const [logZ, logP] = [logOf(exponents), logOf(preference)];
  return exponents.reduce((sum, e, i) => sum + Math.exp(e - logZ) * (e - logZ - (preference[i]! - logP)), 0);
}

const cases = fc.record({
  rows: fc.integer({ min: 1, max: 3 }),
  width: fc.integer({ min: 2, max: 700 }),
  spread: fc.constantFrom(0.1, 2, 10),
  apart: fc.constantFrom(0, 0.05, 1, 5),
  nats: fc.constantFrom(0, 0.01, 0.2, 2),
  largestGamma: fc.constantFrom(0, 0.5, 4.65, 100),
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
});

function drawRows({
  rows,
  width,
  spread,
  apart,
  seed,
}: {
  rows: number;
  width: number;
  spread: number;
  apart: number;
  seed: number;
}) {
  return tf.tidy(() => {
    const common: tf.Tensor2D = tf.randomNormal([rows, width], 0, spread, "float32", seed);
    const logits = [1, 2].map((n) =>
      tf.add(common, tf.randomNormal([rows, width], 0, apart, "float32", seed + n)),
    );
    return logits.map((x) => logPolicy(x as tf.Tensor2D)) as [tf.Tensor2D, tf.Tensor2D];
  });
}

describe("the search for a budget's γ by a kernel", () => {
  test("stays within the budget, and ends where the tensor form ends", async () => {
    let [compared, used] = [0, 0];
    await fc.assert(
      fc.asyncProperty(cases, async (drawn) => {
        const { rows, width, nats, largestGamma } = drawn;
        const [base_BV, preference_BV] = drawRows(drawn);
        const limit = nats * (1 - 1e-4);
        const search = { limit, wanted: limit * (1 - 5e-5), largestGamma, passes: 6 };
        const gamma_B1 = searchDrift(pool, base_BV, preference_BV, search);
        const twin = extrapolateWithin(base_BV, preference_BV, { nats, largestGamma });
        const [gammas, twins] = [await gamma_B1.data(), await twin.gamma_B1.data()];
        const [base, preference] = [await base_BV.array(), await preference_BV.array()];
        tf.dispose([base_BV, preference_BV, gamma_B1, twin.logPolicy_BV, twin.gamma_B1]);
        for (let b = 0; b < rows; b++) {
          const [gamma, other] = [gammas[b]!, twins[b]!];
          expect(gamma).toBeGreaterThanOrEqual(0);
          expect(gamma).toBeLessThanOrEqual(Math.fround(largestGamma));
          // Exponents up to 100 in size are float32, off by 2^-18: so are their differences from the normaliser.
          const own = drift(base[b]!, preference[b]!, gamma);
          expect(own, JSON.stringify(drawn)).toBeLessThanOrEqual(nats + 2 ** -18 * (1 + gamma));
          const reached = drift(base[b]!, preference[b]!, other);
          if (nats < 0.01 || (reached < nats * 0.99 && other < Math.fround(largestGamma))) continue;
          compared++;
          // Where the twin uses its budget, or its largest γ, this one does.
          if (gamma >= other * 0.99 || own >= nats * 0.98) used++;
        }
        expect(width).toBeGreaterThan(1);
      }),
      { numRuns: 150 },
    );
    expect(compared).toBeGreaterThan(50);
    expect(used).toBe(compared);
  });
});
