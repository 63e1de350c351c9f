import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest } from "@amulet-ts/testing/backends/under-test";
import { oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  amuletCollapsed,
  amuletLoop,
  closedFormStep,
  extrapolate,
  guidanceScale,
  largestStrength,
  logPolicy,
  paperParameters,
} from "../src/index.js";

const logit = fc.double({ min: -30, max: 30, noNaN: true }).map(Math.fround);
const pair = fc
  .integer({ min: 1, max: 40 })
  .chain((size) =>
    fc.tuple(...Array.from({ length: 2 }, () => fc.array(logit, { minLength: size, maxLength: size }))),
  );
const parameters = fc
  .record({
    iterations: fc.integer({ min: 0, max: 80 }),
    alpha: fc.double({ min: 0, max: 2.5, noNaN: true }),
    lambda: fc.double({ min: 0.5, max: 4, noNaN: true }),
    eta: fc.double({ min: 0.1, max: 100, noNaN: true }),
  })
  .filter((any) => oracles.guidanceScale(any) <= largestStrength);

/** Runs tensor code on one row of logits each, and reads the policy. */
async function onRows(
  base: readonly number[],
  preference: readonly number[],
  run: (logBase_BV: tf.Tensor2D, logPreference_BV: tf.Tensor2D) => tf.Tensor2D,
): Promise<Float32Array> {
  const result = tf.tidy(() =>
    run(logPolicy(tf.tensor2d([[...base]])), logPolicy(tf.tensor2d([[...preference]]))),
  );
  const values = await result.data();
  result.dispose();
  return values as Float32Array;
}

/**
 * Float32 keeps a log-policy of magnitude m to m·2^-24, each of the few operations loses that once more, and x
 * multiplies it; the total variation of two policies is at most the largest error of their logarithms.
 */
function tolerance(rows: readonly (readonly number[])[], x: number): number {
  const magnitude = Math.max(...rows.flatMap((row) => row.map(Math.abs)), 1) * 2 + Math.log(40);
  return 16 * (Math.abs(x) + 1) * magnitude * 2 ** -24;
}

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test("the collapsed form is the paper's loop with every utility kept, in float64", async () => {
    await fc.assert(
      fc.asyncProperty(pair, parameters, async ([base, preference], p) => {
        const policy = await onRows(base!, preference!, (b, q) => amuletCollapsed(b, q, p));
        const expected = oracles.amulet(base!, preference!, p);
        const bound = tolerance([base!, preference!], guidanceScale(p));
        expect(oracles.totalVariation(policy, expected)).toBeLessThan(bound);
      }),
      { seed: 3, numRuns: 150 },
    );
  });

  test("the tensor loop is the paper's loop", async () => {
    await fc.assert(
      fc.asyncProperty(pair, parameters, async ([base, preference], p) => {
        const policy = await onRows(base!, preference!, (b, q) => amuletLoop(b, q, p));
        const expected = oracles.amulet(base!, preference!, p);
        // Errors of one step are carried, not amplified, by the next: T of them add up.
        const bound = tolerance([base!, preference!], guidanceScale(p)) * (p.iterations + 1);
        expect(oracles.totalVariation(policy, expected)).toBeLessThan(bound);
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  test("one step is the maximiser of the step's objective", async () => {
    await fc.assert(
      fc.asyncProperty(
        pair,
        pair,
        fc.integer({ min: 1, max: 50 }),
        async ([utility, reference], [current], t) => {
          const size = Math.min(utility!.length, current!.length);
          const [u, r, c] = [utility!, reference!, current!].map((row) => row.slice(0, size));
          const [logReference, logCurrent] = [oracles.logSoftmax(r!), oracles.logSoftmax(c!)];
          const result = tf.tidy(() =>
            closedFormStep(
              {
                meanUtility_BV: tf.tensor2d([u!]),
                logReference_BV: tf.tensor2d([[...logReference]]),
                logCurrent_BV: tf.tensor2d([[...logCurrent]]),
              },
              t,
              paperParameters,
            ),
          );
          const values = await result.data();
          result.dispose();
          const { lambda, eta } = paperParameters;
          const proximal = 1 / (eta * t);
          const expected = oracles.closedForm({
            meanUtility: u!,
            logReference,
            logCurrent,
            lambda,
            proximal,
          });
          expect(oracles.totalVariation(values, expected)).toBeLessThan(tolerance([u!, r!, c!], 1));
        },
      ),
      { seed: 5, numRuns: 100 },
    );
  });

  test("the iterations that the loop shows begin with the preference policy and follow the trajectory", async () => {
    const [base, preference] = [
      [0, 1, 2, -1],
      [1, 0.5, -2, 0],
    ];
    const seen: tf.Tensor[] = [];
    await onRows(base, preference, (b, q) =>
      amuletLoop(b, q, { ...paperParameters, iterations: 5 }, ({ logPolicy_BV }) => {
        seen.push(tf.keep(tf.clone(logPolicy_BV)));
      }),
    );
    const { logPolicies } = oracles.runLoop(base, preference, { ...paperParameters, iterations: 5 });
    expect(seen).toHaveLength(6);
    for (const [t, policy] of seen.entries()) {
      expect(oracles.totalVariation(await policy.data(), logPolicies[t]!)).toBeLessThan(1e-6);
    }
    tf.dispose(seen);
  });

  test.each([
    ["gaps of 200", [0, 200, -200, 5], [200, 0, 3, -200]],
    ["a token that the base policy forbids", [0, Number.NEGATIVE_INFINITY, 1], [0, 1, 2]],
    ["a token that the preference policy forbids", [0, 1, 2], [0, Number.NEGATIVE_INFINITY, 1]],
    ["a token that both forbid", [Number.NEGATIVE_INFINITY, 1, 2], [Number.NEGATIVE_INFINITY, 1, 0]],
    [
      "one-hot rows",
      [Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY],
      [0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ],
    ["a vocabulary of one token", [3], [-7]],
    ["logits shifted by 10,000", [10_000, 10_001, 9_999], [10_000, 9_999, 10_002]],
  ])("stays finite and normalised with %s", async (_, base, preference) => {
    for (const run of [amuletCollapsed, amuletLoop]) {
      const policy = await onRows(base, preference, (b, q) => run(b, q, paperParameters));
      expect(policy.every(Number.isFinite)).toBe(true);
      expect(policy.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
    }
  });

  test("a token that the preference policy forbids stays impossible", async () => {
    const policy = await onRows([0, 1, 2], [0, Number.NEGATIVE_INFINITY, 1], (b, q) =>
      amuletCollapsed(b, q, paperParameters),
    );
    expect(Math.exp(policy[1]!)).toBe(0);
  });

  test("a vocabulary of 262,144 is normalised", async () => {
    const wave = (step: number) => Array.from({ length: 262_144 }, (_, i) => 10 * Math.sin(i * step));
    const policy = await onRows(wave(0.7), wave(1.3), (b, q) => amuletCollapsed(b, q, paperParameters));
    // A float32 sum of V terms, pairwise or not, is within V·2^-24 of the true one.
    expect(Math.abs(policy.reduce((sum, value) => sum + Math.exp(value), 0) - 1)).toBeLessThan(
      262_144 * 2 ** -24,
    );
  });

  test("γ = 0 is the preference policy and γ = −1 the base policy", async () => {
    const [base, preference] = [
      [1, 2, 3],
      [3, 1, 0],
    ];
    const at = (gamma: number) => onRows(base, preference, (b, q) => extrapolate(b, q, gamma));
    expect(oracles.totalVariation(await at(0), oracles.logSoftmax(preference))).toBeLessThan(1e-6);
    expect(oracles.totalVariation(await at(-1), oracles.logSoftmax(base))).toBeLessThan(1e-6);
  });

  test("rows of a batch are independent problems", async () => {
    const rows = [
      [1, 2, 3],
      [0, 5, -5],
      [2, 2, 2],
    ];
    const others = [
      [3, 2, 1],
      [1, 1, 1],
      [9, 0, 0],
    ];
    const batch = tf.tidy(() =>
      amuletCollapsed(logPolicy(tf.tensor2d(rows)), logPolicy(tf.tensor2d(others)), paperParameters),
    );
    const values = await batch.data();
    batch.dispose();
    for (const [i, row] of rows.entries()) {
      const alone = await onRows(row, others[i]!, (b, q) => amuletCollapsed(b, q, paperParameters));
      expect([...values.slice(i * 3, i * 3 + 3)]).toEqual([...alone]);
    }
  });

  test("policies of different shapes are refused", () => {
    expect(() => tf.tidy(() => extrapolate(tf.zeros([1, 3]), tf.zeros([1, 4]), 1))).toThrow("[1,4]");
  });
});
