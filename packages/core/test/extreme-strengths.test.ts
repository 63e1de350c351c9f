/** Settings at the ends of float64: a right answer, or the same sentence from the loop and from its collapse. */

import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest } from "@amulet-ts/testing/backends/under-test";
import { oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import {
  type AmuletParameters,
  amuletCollapsed,
  amuletExactMethod,
  amuletLoop,
  amuletMethod,
  applyMethod,
  boundedMethod,
  extrapolate,
  guidanceScale,
  guidanceTrajectory,
  logPolicy,
  paperParameters,
} from "../src/index.js";

const logits = { base: [0, 1, 2, 0.5, -3], preference: [1, 0, 2.5, 0, -3] };
/** The last token is impossible after both prompts. */
const masked = [0, 0, 0, 0, Number.NEGATIVE_INFINITY];

async function policyOf(run: (base_BV: tf.Tensor2D, preference_BV: tf.Tensor2D) => tf.Tensor2D, mask = [0]) {
  const toPolicy = (row: number[]) => logPolicy(tf.tensor2d([row.map((value, a) => value + (mask[a] ?? 0))]));
  const policy_BV = tf.tidy(() => run(toPolicy(logits.base), toPolicy(logits.preference)));
  const [row] = (await policy_BV.array()) as [number[]];
  policy_BV.dispose();
  return row;
}

/** Legal, and beside them weights in the same ratios that nothing over- or underflows with. */
const moderate: [string, Partial<AmuletParameters>, Partial<AmuletParameters>][] = [
  ["η = 5e-324: no step gets away", { eta: 5e-324 }, { iterations: 0 }],
  ["α = λ = 1e300", { alpha: 1e300, lambda: 1e300 }, { alpha: 1, lambda: 1, eta: 1e301 }],
  ["α = λ = 1e308", { alpha: 1e308, lambda: 1e308 }, { alpha: 1, lambda: 1, eta: 1e301 }],
  [
    "α = λ = 1e-300, η = ∞",
    { alpha: 1e-300, lambda: 1e-300, eta: Number.POSITIVE_INFINITY },
    { alpha: 1, lambda: 1, eta: Number.POSITIVE_INFINITY },
  ],
  ["λ = 1e300", { lambda: 1e300 }, { iterations: 0 }],
  ["λ = 0, one step", { lambda: 0, iterations: 1 }, { lambda: 0, iterations: 1 }],
  ["λ = 0 without utility", { lambda: 0, alpha: 0 }, { iterations: 0 }],
  ["λ = 1e-300, a slow start", { lambda: 1e-300, eta: 1e-3 }, { lambda: 0, eta: 1e-3 }],
];

const past: [string, Partial<AmuletParameters>][] = [
  ["λ = 0", { lambda: 0 }],
  ["λ = 1e-300", { lambda: 1e-300 }],
  ["α = 1e300", { alpha: 1e300 }],
  ["α = 1e308, λ = 1e-308, η = ∞", { alpha: 1e308, lambda: 1e-308, eta: Number.POSITIVE_INFINITY }],
];

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test.each(moderate)("%s is decoded with, by the loop and by its collapse", async (_, change, same) => {
    const parameters = { ...paperParameters, ...change };
    const x = oracles.guidanceScale({ ...paperParameters, ...same });
    expect(guidanceScale(parameters) / x).toBeCloseTo(1, 12);
    const expected = oracles.tilt(
      oracles.logSoftmax(logits.base),
      oracles.logSoftmax(logits.preference),
      x - 1,
    );
    for (const run of [amuletLoop, amuletCollapsed]) {
      const row = await policyOf((base_BV, preference_BV) => run(base_BV, preference_BV, parameters));
      // Rounded 13 + T times a step at most, as verify's bound has it; log-policies here stay below 32.
      for (const [a, value] of row.entries())
        expect(Math.abs(value - expected[a]!)).toBeLessThan(60 * 73 * 32 * 2 ** -24);
    }
  });

  test.each(past)("%s is refused by loop, collapse and methods alike", async (_, change) => {
    const parameters = { ...paperParameters, ...change };
    const sentences = await Promise.all(
      [
        async () => amuletMethod(parameters),
        async () => amuletExactMethod(parameters),
        async () => boundedMethod(0.2, parameters),
        () => policyOf((base_BV, preference_BV) => amuletLoop(base_BV, preference_BV, parameters)),
        () => policyOf((base_BV, preference_BV) => amuletCollapsed(base_BV, preference_BV, parameters)),
      ].map((run) =>
        run().then(
          () => "no error",
          ({ code, message }) => `${code}: ${message}`,
        ),
      ),
    );
    expect(sentences[0]).toMatch(/^bad-strength: The guidance scale \(x\) must be a number within ±1000000/);
    expect(new Set(sentences)).toEqual(new Set([sentences[0]]));
  });

  test.each([1_000_000, -1_000_000])("the largest strength, %d, leaves a policy", async (scale) => {
    const row = await policyOf(
      (base_BV, preference_BV) => extrapolate(base_BV, preference_BV, scale - 1),
      masked,
    );
    expect(row.every(Number.isFinite)).toBe(true);
    expect(row.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
    expect(Math.exp(row[4]!)).toBe(0);
  });

  test("a budget that no drift uses up is the largest strength", async () => {
    const policies = await Promise.all(
      [boundedMethod(1e300), amuletMethod()].map((method) =>
        policyOf((base_BV, preference_BV) => applyMethod(method, base_BV, preference_BV).logPolicy_BV),
      ),
    );
    for (const [a, value] of policies[0]!.entries()) expect(value).toBeCloseTo(policies[1]![a]!, 4);
  });
});

test("a million steps need no memory, and more are refused", () => {
  expect(guidanceScale({ ...paperParameters, iterations: 1_000_000 })).toBeGreaterThan(15);
  for (const ask of [guidanceScale, guidanceTrajectory])
    expect(() => ask({ ...paperParameters, iterations: 1e9 })).toThrow("from 0 to 1000000; it is 1000000000");
});

test("x that has no float64 is Infinity or no number, and no error", () => {
  for (const eta of [10, Number.POSITIVE_INFINITY])
    expect(guidanceScale({ ...paperParameters, alpha: 1e308, lambda: 1e-308, eta })).not.toBeLessThan(1e300);
});
