import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest } from "@amulet-ts/testing/backends/under-test";
import { arbitraries, oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  amuletMethod,
  applyMethod,
  baseMethod,
  boundedMethod,
  linearAlignmentMethod,
  type Method,
  preferenceMethod,
  withMinP,
  withPlausibility,
  withTopNSigma,
} from "../src/index.js";

const { policyRow } = arbitraries;

async function run(method: Method, base: ArrayLike<number>, preference: ArrayLike<number>) {
  const [base_BV, preference_BV] = [tf.tensor2d([Array.from(base)]), tf.tensor2d([Array.from(preference)])];
  const tensors = applyMethod(method, base_BV, preference_BV);
  const policy = (await tensors.logPolicy_BV.data()) as Float32Array;
  tf.dispose([base_BV, preference_BV, ...Object.values(tensors)]);
  return policy;
}

const masks = {
  nucleus: withPlausibility,
  "min-p": withMinP,
  "top-n-sigma": withTopNSigma,
};
const share = fc.integer({ min: 1, max: 999 }).map((n) => n / 1000);
const rules = fc.oneof(
  fc.record({ kind: fc.constant("nucleus" as const), value: share }),
  fc.record({ kind: fc.constant("min-p" as const), value: share }),
  fc.record({ kind: fc.constant("top-n-sigma" as const), value: fc.constantFrom(0.3, 0.7, 1, 1.5, 3) }),
);

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test("exactly what the preference policy finds plausible stays possible, in the method's own proportions", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraries.logitPair({ largest: 400 }), rules, async (pair, rule) => {
        const [base, preference] = [policyRow(pair.base), policyRow(pair.preference)];
        const { tokens, margin } = oracles.keptTokens(preference, rule);
        // Nearer than float32 sums resolve, a threshold may fall on either side of a token.
        fc.pre(margin > (rule.kind === "nucleus" ? 1e-5 : 1e-3));
        const method = masks[rule.kind](linearAlignmentMethod(0.5), rule.value);
        const masked = await run(method, base, preference);
        const expected = oracles.mask(oracles.tilt(base, preference, 0.5), tokens);
        expect(Array.from(masked, (value) => value > -1e4)).toEqual(tokens);
        // Float32 logarithms of 20 keep 1e-6 and γ + 1 multiplies it.
        expect(oracles.totalVariation(masked, expected)).toBeLessThan(2e-5);
      }),
      { seed: 21, numRuns: 300 },
    );
  });

  test("the rows of a batch have thresholds of their own", async () => {
    const rows = [policyRow([9, 0, 0, 0]), policyRow([0, 0, 1, 1]), policyRow([3, 2.5, 2, -9])];
    for (const mask of [withMinP(preferenceMethod(), 0.5), withTopNSigma(preferenceMethod(), 0.5)]) {
      const together_BV = tf.tensor2d(rows.map((row) => [...row]));
      const { logPolicy_BV } = applyMethod(mask, together_BV, together_BV);
      const together = (await logPolicy_BV.array()) as number[][];
      tf.dispose([together_BV, logPolicy_BV]);
      const alone = await Promise.all(rows.map((row) => run(mask, row, row)));
      expect(together).toEqual(alone.map((row) => [...row]));
    }
  });

  test("impossible tokens have no part in σ, and no mask lets them back", async () => {
    const possible = [2, 1, 0, -1, -2];
    const [short, long] = [possible, [...possible, ...Array(20).fill(Number.NEGATIVE_INFINITY)]].map(
      (logits) => policyRow(logits).map((value) => Math.max(value, -1e4)),
    ) as [Float32Array, Float32Array];
    for (const n of [0.5, 1, 2, 1_000_000]) {
      const kept = (row: Float32Array) => Array.from(row, (value) => value > -5e3);
      const [inShort, inLong] = await Promise.all(
        [short, long].map(async (row) => kept(await run(withTopNSigma(preferenceMethod(), n), row, row))),
      );
      expect(inLong).toEqual([...inShort!, ...Array(20).fill(false)]);
    }
  });

  test.each([withMinP, withTopNSigma])(
    "$name at its strictest leaves the best token and its equals",
    async (mask) => {
      const row = policyRow([1, 3, 3, -2]);
      const masked = await run(mask(baseMethod(), mask === withMinP ? 1 : 0), row, row);
      expect(Array.from(masked, (value) => value > -1e4)).toEqual([false, true, true, false]);
    },
  );

  test("masks nest, and what they leave is what all of them leave", async () => {
    const [base, preference] = [policyRow([0, 3, 1, 2]), policyRow([2, 1.9, 0, -20])];
    const both = withTopNSigma(withMinP(amuletMethod(), 0.5), 1);
    expect(both).toMatchObject({ name: "amulet+min-p+top-n-sigma", reads: "both" });
    const masked = await run(both, base, preference);
    expect(Array.from(masked, (value) => value > -1e4)).toEqual([true, true, false, false]);
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
      return applyMethod(withPlausibility(preferenceMethod(), 0.6), rows_BV, rows_BV).logPolicy_BV;
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
    const result = applyMethod(method, row_BV, row_BV);
    expect(await result.gamma_B1?.array()).toEqual([[Math.fround(4.648699006951202)]]);
    tf.dispose([row_BV, ...Object.values(result)]);
  });
});

test("what is no share and no number of standard deviations is refused", () => {
  for (const p of [0, -1, 1.5, Number.NaN]) {
    const refusal = (what: string) =>
      expect.objectContaining({
        code: "bad-strength",
        message: `The ${what} must be above 0 and at most 1; it is ${p}.`,
      });
    expect(() => withPlausibility(linearAlignmentMethod(), p)).toThrow(refusal("plausibility"));
    expect(() => withMinP(linearAlignmentMethod(), p)).toThrow(refusal("min-p mask"));
  }
  for (const n of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const message = `The n of top-nσ must be from 0 to 1000000; it is ${n}.`;
    const refusal = expect.objectContaining({ code: "bad-strength", message });
    expect(() => withTopNSigma(linearAlignmentMethod(), n)).toThrow(refusal);
  }
});
