/** AdaCAD, NWCAD, PromptCD, and Δ of another model. Their definitions are laws of `verify`; here is what they add. */

import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest } from "@amulet-ts/testing/backends/under-test";
import { arbitraries, oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  adaCadMethod,
  amuletMethod,
  applyMethod,
  argMax,
  boundedMethod,
  coSteerMethod,
  coSteerScale,
  guidanceMethod,
  guidanceScale,
  logPolicy,
  type Method,
  nwcadMethod,
  paperCoSteer,
  paperParameters,
  preferenceMethod,
  promptCdMethod,
  transferDelta,
} from "../src/index.js";

const { policyRow } = arbitraries;
type Rows = readonly ArrayLike<number>[];

const toTensor = (rows: Rows) => tf.tensor2d(rows.map((row) => Array.from(row)));

async function run(method: Method, base: Rows, preference: Rows) {
  const [base_BV, preference_BV] = [toTensor(base), toTensor(preference)];
  const { logPolicy_BV, gamma_B1 } = applyMethod(method, base_BV, preference_BV);
  const policies = (await logPolicy_BV.array()) as number[][];
  const gammas = gamma_B1 && [...(await gamma_B1.data())];
  tf.dispose([base_BV, preference_BV, logPolicy_BV, ...(gamma_B1 ? [gamma_B1] : [])]);
  return { policies, gammas };
}

/** What `logPolicy` makes of logits, −∞ included. */
async function policies(...rows: number[][]): Promise<number[][]> {
  const logs_BV = tf.tidy(() => logPolicy(tf.tensor2d(rows)));
  const logs = (await logs_BV.array()) as number[][];
  logs_BV.dispose();
  return logs;
}

const impossible = Number.NEGATIVE_INFINITY;

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test("AdaCAD is the preference policy where the prompts agree, and x = 2 where nothing is possible after both", async () => {
    const [here, there] = (await policies(
      [0, 1, impossible, impossible],
      [impossible, impossible, 0, 1],
    )) as [number[], number[]];
    const { gammas, policies: found } = await run(adaCadMethod(), [here, here], [here, there]);
    expect(gammas![0]).toBe(0);
    expect(gammas![1]).toBeCloseTo(1, 6);
    expect(oracles.totalVariation(found[0]!, here)).toBeLessThan(1e-6);
    expect(oracles.totalVariation(found[1]!, oracles.tilt(here, there, 1))).toBeLessThan(1e-6);
    expect((await run(adaCadMethod(0.3), [here], [here])).gammas![0]).toBeCloseTo(0.3, 6);
  });

  test("a gate routes each row of a batch by itself, and copies to the last bit", async () => {
    const [sure, doubtful, other] = [policyRow([6, 0, 0]), policyRow([1, 0.9, 0.8]), policyRow([0, 6, 0])];
    const base = [sure, sure, doubtful, doubtful];
    const preference = [sure, other, doubtful, other];
    const { gammas, policies: found } = await run(
      nwcadMethod(undefined, guidanceMethod(3)),
      base,
      preference,
    );
    expect(gammas).toEqual([-1, 0, 2, 0]);
    expect(found[0]).toEqual([...sure]);
    expect(found[1]).toEqual([...other]);
    expect(oracles.totalVariation(found[2]!, oracles.tilt(doubtful, doubtful, 2))).toBeLessThan(1e-6);
    expect(found[3]).toEqual([...other]);
  });

  test("a gate tells no γ where its fallback has none, and the fallback's own where that reports it", async () => {
    const { guidanceScale: _, ...unknown } = preferenceMethod();
    const row = policyRow([0, 0.1, 0]);
    expect((await run(nwcadMethod(undefined, unknown), [row], [row])).gammas).toBeUndefined();
    const { gammas } = await run(nwcadMethod(undefined, boundedMethod(0.1, 3)), [row], [row]);
    expect(gammas).toEqual([3]);
  });

  test("two best tokens that tie are no margin, and one token alone has all of it", async () => {
    const gate = nwcadMethod({ divergence: 1, baseMargin: 0.01, preferenceMargin: 0.01 }, guidanceMethod(2));
    const tied = policyRow([3, 3, 0]);
    expect((await run(gate, [tied], [tied])).gammas).toEqual([1]);
    expect((await run(gate, [[0]], [[0]])).gammas).toEqual([-1]);
  });

  test("PromptCD is log π_pref − γ log π_neg over the tokens that min-p leaves", async () => {
    const contrasts = fc.constantFrom(0, 0.25, 0.5, 0.9, 1, 2);
    await fc.assert(
      fc.asyncProperty(arbitraries.logitPair({ largest: 300 }), contrasts, async (pair, contrast) => {
        const [negative, preference] = [policyRow(pair.base), policyRow(pair.preference)];
        const { tokens, margin } = oracles.keptTokens(preference, { kind: "min-p", value: 0.1 });
        fc.pre(margin > 1e-3);
        const scores = oracles.tabulate(tokens.length, (a) => preference[a]! - contrast * negative[a]!);
        const expected = oracles.mask(scores, tokens);
        const { policies: found } = await run(promptCdMethod(contrast), [negative], [preference]);
        // Float32 logarithms of 100 keep 4e-6, and γ + 1 ≤ 3 of them are added.
        expect(oracles.totalVariation(found[0]!, expected)).toBeLessThan(5e-5);
      }),
      { seed: 41, numRuns: 200 },
    );
  });

  test("greedily, PromptCD with γ below 1 is guidance with x = 1/(1 − γ) under the same mask", async () => {
    const contrasts = fc.constantFrom(0.25, 0.5, 0.75, 0.9);
    await fc.assert(
      fc.asyncProperty(arbitraries.genericPair, contrasts, async (pair, contrast) => {
        const [negative, preference] = [policyRow(pair.base), policyRow(pair.preference)];
        const guided = oracles.tilt(negative, preference, 1 / (1 - contrast) - 1);
        const { tokens, margin } = oracles.keptTokens(preference, { kind: "min-p", value: 0.1 });
        const best = oracles.mask(guided, tokens);
        const [first = 0, second = -Infinity] = [...best].sort((a, b) => b - a);
        fc.pre(margin > 1e-3 && first - second > 1e-3);
        const { policies: found } = await run(promptCdMethod(contrast), [negative], [preference]);
        expect(argMax(Float32Array.from(found[0]!))).toBe(argMax(Float32Array.from(best)));
      }),
      { seed: 42, numRuns: 100 },
    );
  });

  test("every method takes Δ of another model where base and preference policy come by it", async () => {
    const [large, base, preference] = [
      policyRow([1, 0, 2, -1]),
      policyRow([0, 1, 0, 0]),
      policyRow([1, 1, -1, 0]),
    ];
    const [large_BV, ...small] = [large, base, preference].map((row) => toTensor([row])) as [
      tf.Tensor2D,
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    const reached_BV = transferDelta(large_BV, ...small);
    const reached = (await reached_BV.array()) as number[][];
    tf.dispose([large_BV, ...small, reached_BV]);
    const rows = { logLarge: large, logSmallBase: base, logSmallPreference: preference };
    const cases: [Method, Float64Array][] = [
      [preferenceMethod(), oracles.transfer(rows, 1)],
      [amuletMethod(), oracles.transfer(rows, guidanceScale(paperParameters))],
      [coSteerMethod(), oracles.coSteer(rows, oracles.paperCoSteer)],
    ];
    for (const [method, expected] of cases) {
      const { policies: found } = await run(method, [large], reached);
      expect(oracles.totalVariation(found[0]!, expected)).toBeLessThan(2e-5);
    }
  });

  test.each([adaCadMethod, nwcadMethod, promptCdMethod, coSteerMethod])(
    "$name stays a policy where tokens are impossible, and on any number of columns",
    async (make) => {
      const method = make();
      const rows: [number[], number[]][] = [
        [[0], [3]],
        [
          [0, 200],
          [200, 0],
        ],
        [
          [0, impossible, 1],
          [0, 1, 2],
        ],
        [
          [0, 1, 2],
          [0, impossible, 1],
        ],
        [
          [impossible, 0, impossible],
          [0, impossible, impossible],
        ],
      ];
      for (const [base, preference] of rows) {
        const logs = await policies(base, preference);
        const { policies: found } = await run(method, [logs[0]!], [logs[1]!]);
        expect(found[0]!.every(Number.isFinite)).toBe(true);
        expect(found[0]!.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
      }
    },
  );

  test.each([
    ["nothing", () => undefined, "undefined"],
    ["null", () => null, "null"],
    ["a number", () => 3, "3"],
    ["an empty object", () => ({}), "an empty object"],
    ["a row", () => tf.tensor1d([0, 0]), "a tensor of [2]"],
    ["one column less", () => tf.tensor2d([[0]]), "a tensor of [1,1]"],
    [
      "a γ of the wrong shape",
      () => ({ logPolicy_BV: tf.tensor2d([[0, 0]]), gamma_B1: tf.tensor1d([0]) }),
      "logPolicy_BV of [1,2] and gamma_B1 of [1]",
    ],
    ["a γ alone", () => ({ gamma_B1: tf.tensor2d([[0]]) }), "gamma_B1 of [1,1]"],
    ["numbers for tensors", () => ({ logPolicy_BV: [[0, 0]] }), "logPolicy_BV that is no tensor"],
  ])("a method that returns %s is refused, and nothing of it is left", (_, policy, came) => {
    const method = { name: "mine", reads: "both", policy } as unknown as Method;
    const row_BV = tf.tensor2d([[0, 0]]);
    expect(() => applyMethod(method, row_BV, row_BV)).toThrow(
      expect.objectContaining({
        code: "shape-mismatch",
        message:
          "The method mine must return a log-policy of the shape [1, 2], alone or as logPolicy_BV beside a gamma_B1 of " +
          `[1, 1]; it returned ${came}.`,
      }),
    );
    row_BV.dispose();
  });
});

test("CoSteer at the paper's settings is half of Amulet's γ after 20 steps", () => {
  const { beta: _, ...parameters } = paperCoSteer;
  expect(coSteerScale(paperCoSteer)).toBeCloseTo((guidanceScale(parameters) - 1) / 2, 13);
  expect(coSteerScale(paperCoSteer)).toBeCloseTo((oracles.guidanceScale(parameters) - 1) / 2, 13);
  expect(coSteerMethod()).toMatchObject({
    name: "costeer",
    reads: "both",
    guidanceScale: coSteerScale(paperCoSteer),
  });
});

test("without pull to itself CoSteer's strength is β/λ of Δ, and without β none", () => {
  const still = { ...paperCoSteer, alpha: 0, eta: Number.POSITIVE_INFINITY };
  expect(coSteerScale({ ...still, beta: 3 })).toBeCloseTo(1.5, 14);
  expect(coSteerScale({ ...paperCoSteer, beta: 0 })).toBe(0);
  expect(coSteerScale({ ...paperCoSteer, iterations: 0 })).toBe(0);
});

test.each([
  [() => adaCadMethod(-0.1), "The warm-up of AdaCAD must be from 0 to 1; it is -0.1."],
  [() => adaCadMethod(1.001), "The warm-up of AdaCAD must be from 0 to 1; it is 1.001."],
  [() => adaCadMethod(Number.NaN), "The warm-up of AdaCAD must be from 0 to 1; it is NaN."],
  [
    () => nwcadMethod({ divergence: 2, baseMargin: 0, preferenceMargin: 0 }),
    "The threshold divergence of NWCAD must be from 0 to 1; it is 2.",
  ],
  [
    () => nwcadMethod({ divergence: 0, baseMargin: -0.001, preferenceMargin: 0 }),
    "The threshold baseMargin of NWCAD must be from 0 to 1; it is -0.001.",
  ],
  [
    () => nwcadMethod({ divergence: 0, baseMargin: 0, preferenceMargin: Number.NaN }),
    "The threshold preferenceMargin of NWCAD must be from 0 to 1; it is NaN.",
  ],
  [() => promptCdMethod(1_000_001), "The contrast of PromptCD must be from 0 to 1000000; it is 1000001."],
  [() => promptCdMethod(-1), "The contrast of PromptCD must be from 0 to 1000000; it is -1."],
  [() => promptCdMethod(0.5, 0), "The min-p mask must be above 0 and at most 1; it is 0."],
  [
    () => coSteerMethod({ ...paperCoSteer, beta: Number.NaN }),
    "beta (β) must be a finite number; it is NaN.",
  ],
])("%# what is no strength of a method is refused", (make, message) => {
  expect(make).toThrow(expect.objectContaining({ code: "bad-strength", message }));
});

test("the ends of every range are within it", () => {
  for (const end of [0, 1]) {
    expect(adaCadMethod(end).name).toBe("adacad");
    expect(nwcadMethod({ divergence: end, baseMargin: end, preferenceMargin: end }).name).toBe("nwcad");
  }
  for (const end of [0, 1_000_000]) expect(promptCdMethod(end, 1).name).toBe("promptcd");
});
