import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest } from "@amulet-ts/testing/backends/under-test";
import { arbitraries, oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linearAlignmentMethod, type Method, preferenceMethod } from "../src/index.js";
import { boundedMethod } from "../src/methods/bounded.js";
import { keepPlausible, withPlausibility } from "../src/methods/plausibility.js";

const { policyRow } = arbitraries;

async function run(method: Method, base: ArrayLike<number>, preference: ArrayLike<number>) {
  const [base_BV, preference_BV] = [tf.tensor2d([Array.from(base)]), tf.tensor2d([Array.from(preference)])];
  const result = method.policy(base_BV, preference_BV);
  const tensors = "gamma_B1" in result ? result : { logPolicy_BV: result };
  const policy = (await tensors.logPolicy_BV.data()) as Float32Array;
  tf.dispose([base_BV, preference_BV, ...Object.values(tensors)]);
  return policy;
}

/** The nucleus by definition, in float64: take from the top until p is reached, then whatever ties with the last. */
function nucleus(logPolicy: Float32Array, p: number) {
  const probability = oracles.probabilities(logPolicy);
  const order = [...probability.keys()].sort((a, b) => probability[b]! - probability[a]!);
  let reached = 0;
  let margin = Number.POSITIVE_INFINITY;
  const last = order.find((a) => {
    reached += probability[a]!;
    margin = Math.min(margin, Math.abs(reached - p));
    return reached >= p;
  });
  const least = probability[last ?? order.at(-1)!]!;
  return { kept: Array.from(probability, (value) => value >= least), margin };
}

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test("exactly the nucleus of the preference policy stays possible, in the method's own proportions", async () => {
    const share = fc.integer({ min: 1, max: 999 }).map((n) => n / 1000);
    await fc.assert(
      fc.asyncProperty(arbitraries.logitPair({ largest: 400 }), share, async (pair, p) => {
        const [base, preference] = [policyRow(pair.base), policyRow(pair.preference)];
        const { kept, margin } = nucleus(preference, p);
        // Nearer than float32 sums resolve, p may fall on either side of the last token.
        fc.pre(margin > 1e-5);
        const masked = await run(withPlausibility(linearAlignmentMethod(0.5), p), base, preference);
        const free = oracles.tilt(base, preference, 0.5);
        const expected = oracles.logSoftmax(free.map((value, a) => (kept[a] ? value : -Infinity)));
        expect(Array.from(masked, (value) => value > -1e4)).toEqual(kept);
        // Float32 logarithms of 20 keep 1e-6 and γ + 1 multiplies it.
        expect(oracles.totalVariation(masked, expected)).toBeLessThan(2e-5);
      }),
      { seed: 21, numRuns: 200 },
    );
  });

  test("tokens that tie with the last of the nucleus are kept", async () => {
    const preference = policyRow([1, 0, 0, 0, -3]);
    const masked = await run(withPlausibility(preferenceMethod(), 0.6), preference, preference);
    expect(Array.from(masked, (value) => value > -1e4)).toEqual([true, true, true, true, false]);
  });

  test("a nucleus that is reached exactly takes no further token", async () => {
    const half = Float32Array.from([Math.log(0.5), Math.log(0.25), Math.log(0.25)]);
    const masked = await run(withPlausibility(preferenceMethod(), 0.5), half, half);
    expect(masked[0]).toBeCloseTo(0, 6);
  });

  test("one token is always left, also where the method rules out what is plausible", async () => {
    const [base, preference] = [policyRow([0, 0, -1e4]), policyRow([-1e4, -1e4, 0])];
    const contrary: Method = { ...linearAlignmentMethod(-1), name: "contrary" };
    const masked = await run(withPlausibility(contrary, 0.8), base, preference);
    expect(Array.from(masked)).toEqual([-1e4, -1e4, 0]);
  });

  test("every row of a batch has a nucleus of its own", async () => {
    const [sure, unsure] = [policyRow([9, 0, 0, 0]), policyRow([0, 0, 1, 1])];
    const result_BV = tf.tidy(() => {
      const rows_BV = tf.tensor2d([[...sure], [...unsure], [...sure]]);
      return keepPlausible(rows_BV, rows_BV, 0.6);
    });
    const kept = Array.from(await result_BV.data(), (value) => (value > -1e4 ? 1 : 0));
    result_BV.dispose();
    expect(kept).toEqual([1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0]);
  });

  test("p = 1 changes nothing", async () => {
    const [base, preference] = [policyRow([0, 3, 1]), policyRow([2, 1, -20])];
    const free = await run(linearAlignmentMethod(), base, preference);
    expect(await run(withPlausibility(linearAlignmentMethod(), 1), base, preference)).toEqual(free);
  });

  test("γ of a bounded method is passed on", async () => {
    const method = withPlausibility(boundedMethod(0.1));
    const row_BV = tf.tensor2d([[Math.log(0.5), Math.log(0.5)]]);
    const result = method.policy(row_BV, row_BV);
    expect("gamma_B1" in result && (await result.gamma_B1.array())).toEqual([
      [Math.fround(4.648699006951202)],
    ]);
    tf.dispose([row_BV, ...Object.values(result)]);
  });
});

test("a plausibility that is no share is refused", () => {
  for (const p of [0, -1, 1.5, Number.NaN]) {
    expect(() => withPlausibility(linearAlignmentMethod(), p)).toThrow("plausibility");
  }
});
