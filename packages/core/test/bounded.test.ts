import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest } from "@amulet-ts/testing/backends/under-test";
import { arbitraries, oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { guidanceScale, logPolicy, paperParameters } from "../src/index.js";
import {
  boundedMethod,
  budgetReserve,
  type DriftBudget,
  extrapolateWithin,
  largestGammaWithin,
} from "../src/methods/bounded.js";

type Rows = readonly ArrayLike<number>[];

/** The bounded policy of log-policy rows, and each row's γ. */
async function bound(base: Rows, preference: Rows, budget: DriftBudget) {
  const tensorOf = (rows: Rows) => tf.tensor2d(rows.map((row) => Array.from(row)));
  const { logPolicy_BV, gamma_B1 } = tf.tidy(() =>
    extrapolateWithin(tensorOf(base), tensorOf(preference), budget),
  );
  const width = logPolicy_BV.shape[1];
  const values = (await logPolicy_BV.data()) as Float32Array;
  const gammas = [...(await gamma_B1.data())];
  tf.dispose([logPolicy_BV, gamma_B1]);
  return { gammas, policies: gammas.map((_, i) => values.slice(i * width, (i + 1) * width)) };
}

async function logPolicies(logits: number[][]): Promise<number[][]> {
  const logPolicy_BV = tf.tidy(() => logPolicy(tf.tensor2d(logits)));
  const rows = (await logPolicy_BV.array()) as number[][];
  logPolicy_BV.dispose();
  return rows;
}

const { policyRow } = arbitraries;
const budgetOf = fc.record({
  nats: fc.constantFrom(0.01, 0.1, 0.2, 0.3, 1),
  largestGamma: fc.constantFrom(1, 4.648699006951202, 8),
});

/** Two prompts of a language model: logits that differ by about one nat over a Zipf-like row. */
function similarRows(seed: number, size: number): { base: number[]; preference: number[] } {
  const wave = (a: number, step: number) => Math.sin(a * a * step + seed) * 1.5;
  const common = Array.from({ length: size }, (_, a) => -1.1 * Math.log(1 + a) + wave(a, 0.13));
  return {
    base: common.map((logit, a) => logit + wave(a, 0.71)),
    preference: common.map((logit, a) => logit + wave(a, 0.37)),
  };
}

/** What 1e-6 nats allow, and a float32 γ: half a unit of it moves the drift by γ Var(Δ) times that. */
function allowance(logBase: Float32Array, logPreference: Float32Array, gamma: number): number {
  const delta = oracles.tabulate(logBase.length, (a) => logPreference[a]! - logBase[a]!);
  const policy = oracles.tilt(logBase, logPreference, gamma);
  return 1e-6 + gamma ** 2 * oracles.variance(policy, delta) * 2 ** -24;
}

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test("the drift from the preference policy stays within the budget", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraries.logitPair({ largest: 500 }), budgetOf, async (pair, budget) => {
        const [base, preference] = [policyRow(pair.base), policyRow(pair.preference)];
        const { gammas } = await bound([base], [preference], budget);
        expect(gammas[0]).toBeGreaterThanOrEqual(0);
        expect(gammas[0]).toBeLessThanOrEqual(Math.fround(budget.largestGamma));
        const drift = oracles.drift(base, preference, gammas[0]!);
        expect(drift).toBeLessThanOrEqual(budget.nats + allowance(base, preference, gammas[0]!));
      }),
      { seed: 11, numRuns: 400 },
    );
  });

  test("rows of a language model use the budget up, unless the largest strength fits", async () => {
    const any = fc.record({ seed: fc.nat(9999), size: fc.integer({ min: 200, max: 2000 }) });
    await fc.assert(
      fc.asyncProperty(any, budgetOf, async ({ seed, size }, budget) => {
        const rows = similarRows(seed, size);
        const [base, preference] = [policyRow(rows.base), policyRow(rows.preference)];
        const { gammas } = await bound([base], [preference], budget);
        const expected = oracles.largestGammaWithin(base, preference, budget);
        // The search aims 5e-5 below its limit, which lies 4 (√V + 12) roundings of the drift and of log Z below the
        // budget; γ moves half as much, and the roundings themselves may add the other half.
        const reserve = (4 * (Math.sqrt(size) + 12) * 2 ** -24 * (1 + budget.nats)) / budget.nats;
        expect(Math.abs(gammas[0]! / expected - 1)).toBeLessThan(2e-4 + reserve);
      }),
      { seed: 12, numRuns: 100 },
    );
  });

  // One token that is rare under the preference policy takes over at once: the curve of the drift has a step.
  test("unrelated rows, far from any language model, use half of the budget up in 99 of 100", async () => {
    const logit = fc.integer({ min: -15_000, max: 15_000 }).map((value) => value / 1000);
    const row = fc.array(logit, { minLength: 10, maxLength: 10 }).map(policyRow);
    const rows = fc.sample(row, { seed: 13, numRuns: 4000 });
    const [base, preference] = [rows.slice(0, 2000), rows.slice(2000)];
    const budget = { nats: 0.2, largestGamma: 4.65 };
    const { gammas } = await bound(base, preference, budget);
    const isShort = (gamma: number, i: number) =>
      gamma < Math.fround(budget.largestGamma) &&
      oracles.drift(base[i]!, preference[i]!, gamma) < budget.nats / 2;
    expect(gammas.filter(isShort).length).toBeLessThan(20);
  });

  test("the γ alone is the γ of the policy", async () => {
    const { base, preference } = similarRows(7, 300);
    const [logBase, logPreference] = [policyRow(base), policyRow(preference)];
    const budget = { nats: 0.2, largestGamma: 4.65 };
    const { gammas } = await bound([logBase, logPreference], [logPreference, logBase], budget);
    const rows = [logBase, logPreference].map((row) => Array.from(row));
    const gamma_B1 = tf.tidy(() =>
      largestGammaWithin(tf.tensor2d(rows), tf.tensor2d(rows.toReversed()), budget),
    );
    expect(gamma_B1.shape).toEqual([2, 1]);
    expect([...(await gamma_B1.data())]).toEqual(gammas);
    gamma_B1.dispose();
  });

  test("the policy is the preference policy tilted by the γ that is returned", async () => {
    const { base, preference } = similarRows(5, 300);
    const logs = [policyRow(base), policyRow(preference)] as const;
    const { gammas, policies } = await bound([logs[0]], [logs[1]], { nats: 0.2, largestGamma: 4.65 });
    const expected = oracles.tilt(logs[0], logs[1], gammas[0]!);
    expect(oracles.totalVariation(policies[0]!, expected)).toBeLessThan(1e-5);
  });

  test("rows of a batch are independent problems", async () => {
    const rows = [1, 2, 3].map((seed) => similarRows(seed, 100));
    const [base, preference] = [
      rows.map((row) => policyRow(row.base)),
      rows.map((row) => policyRow(row.preference)),
    ];
    const budget = { nats: 0.1, largestGamma: 4.65 };
    const together = await bound(base, preference, budget);
    for (const [i, gamma] of together.gammas.entries()) {
      const alone = await bound([base[i]!], [preference[i]!], budget);
      expect(alone.gammas[0]).toBe(gamma);
    }
    expect(new Set(together.gammas).size).toBe(3);
  });

  test("a budget that nothing uses up leaves the largest strength", async () => {
    const same = policyRow([3, 1, 2]);
    const budget = { nats: 0.1, largestGamma: 4 };
    expect((await bound([same], [same], budget)).gammas).toEqual([4]);
    expect((await bound([[0]], [[0]], budget)).gammas).toEqual([4]);
    const oneHot = [0, -1e4, -1e4];
    expect((await bound([policyRow([1, 2, 3])], [oneHot], budget)).gammas).toEqual([4]);
  });

  test("a budget of nothing is the preference policy", async () => {
    const [base, preference] = [policyRow([0, 1, 2]), policyRow([2, 1, 0])];
    const { gammas, policies } = await bound([base], [preference], { nats: 0, largestGamma: 4 });
    expect(gammas).toEqual([0]);
    expect(oracles.totalVariation(policies[0]!, preference)).toBeLessThan(1e-6);
  });

  test("rows that differ by rounding spend nothing where there is nothing to spend", async () => {
    const row = policyRow([3, 1, 2, -40]);
    const almost = row.map((value, i) => value * (1 + (i % 2) * 2 ** -23));
    const [distinct, other] = [policyRow([0, 1, 2, 5]), policyRow([2, 1, 0, -5])];
    const rows = [
      [row, distinct],
      [almost, other],
    ] as const;
    expect((await bound(rows[0], rows[1], { nats: 0, largestGamma: 4 })).gammas).toEqual([0, 0]);
    expect((await bound(rows[0], rows[1], { nats: 1, largestGamma: 0 })).gammas).toEqual([0, 0]);
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
    ["a certain token that the base policy finds absurd", [-100, 0, 0, 0], [100, 0, 3, 1]],
  ])("stays normalised and within its budget with %s", async (_, base, preference) => {
    for (const nats of [0.01, 0.2, 1]) {
      const logs = await logPolicies([base, preference]);
      const { gammas, policies } = await bound([logs[0]!], [logs[1]!], { nats, largestGamma: 4.65 });
      expect(policies[0]!.every(Number.isFinite)).toBe(true);
      expect(policies[0]!.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
      expect(oracles.drift(logs[0]!, logs[1]!, gammas[0]!)).toBeLessThanOrEqual(nats + 1e-6);
    }
  });

  test("a vocabulary of 49,152 stays within its budget", async () => {
    const { base, preference } = similarRows(3, 49_152);
    const logs = [policyRow(base), policyRow(preference)] as const;
    const { gammas } = await bound([logs[0]], [logs[1]], { nats: 0.2, largestGamma: 4.65 });
    const drift = oracles.drift(logs[0], logs[1], gammas[0]!);
    expect(drift).toBeLessThanOrEqual(0.2 + 1e-6);
    expect(drift).toBeGreaterThan(0.2 * (1 - 1e-3));
  });
});

/** γ where the two policies agree, so that any strength fits. */
async function largestOf({ policy }: ReturnType<typeof boundedMethod>): Promise<number> {
  const gamma_B1 = tf.tidy(() => {
    const logPolicy_BV = logPolicy(tf.tensor2d([[1, 2, 3]]));
    const result = policy(logPolicy_BV, logPolicy_BV);
    return "gamma_B1" in result ? (result.gamma_B1 as tf.Tensor2D) : tf.fill([1, 1], Number.NaN);
  });
  const [gamma] = await gamma_B1.data();
  gamma_B1.dispose();
  return gamma!;
}

test("the largest strength is the paper's, that of other parameters, or γ itself", async () => {
  expect(await largestOf(boundedMethod(0.1))).toBeCloseTo(guidanceScale(paperParameters) - 1, 5);
  const half = { ...paperParameters, alpha: 1 };
  expect(await largestOf(boundedMethod(0.1, half))).toBeCloseTo(guidanceScale(half) - 1, 5);
  expect(await largestOf(boundedMethod(0.1, 3))).toBe(3);
  expect(await largestOf(boundedMethod(0.1, 0))).toBe(0);
});

test("what it leaves is its aim, 5e-5, and four times √V + 12 roundings, or half of a budget that is smaller", () => {
  const roundings = (V: number, nats: number) => 4 * (Math.sqrt(V) + 12) * 2 ** -24 * (1 + nats);
  for (const [nats, V] of [
    [0.2, 49_152],
    [3, 100],
    [0.01, 1],
  ] as const) {
    const left = roundings(V, nats) + 5e-5 * (nats - roundings(V, nats));
    expect(budgetReserve(nats, V)).toBeCloseTo(left, 12);
  }
  expect(budgetReserve(1e-9, 49_152)).toBeCloseTo(0.5e-9 * (1 + 5e-5), 18);
});

test("a budget or a strength that is no number of nats is refused by name", () => {
  const refusal = (message: string) => expect.objectContaining({ code: "bad-strength", message });
  const expected = "must be a finite number of at least 0";
  expect(() => boundedMethod(-1)).toThrow(refusal(`The KL budget, in nats, ${expected}; it is -1.`));
  expect(() => boundedMethod(Number.NaN)).toThrow(refusal(`The KL budget, in nats, ${expected}; it is NaN.`));
  for (const gamma of [-1, Number.NaN, 1e300])
    expect(() => boundedMethod(0.2, gamma)).toThrow(
      refusal(`The largest γ must be at least 0 and below 1000000; it is ${gamma}.`),
    );
});
