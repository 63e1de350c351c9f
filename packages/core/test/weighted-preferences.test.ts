import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest, backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import { oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  amuletExactMethod,
  amuletMethod,
  chooseGreedily,
  type DecodeRequest,
  decode,
  guidanceScale,
  type Method,
  paperParameters,
  preferenceMethod,
} from "../src/index.js";
import { mixRows } from "../src/methods/mixture.js";

const gamma = guidanceScale(paperParameters) - 1;
const logit = fc.double({ min: -8, max: 8, noNaN: true }).map(Math.fround);
const row = fc.array(logit, { minLength: 12, maxLength: 12 });
const weight = fc.double({ min: -1.5, max: 1.5, noNaN: true });
const wishes = fc.array(fc.record({ logits: row, weight }), { minLength: 1, maxLength: 4 });

/** Prompt [k] is followed by the k-th row of logits, whatever else has been said. */
async function firstPolicy(rows: readonly (readonly number[])[], weights: readonly number[], method: Method) {
  let policy = new Float32Array();
  const request: DecodeRequest = {
    base: [0],
    preferences: weights.map((weight, k) => ({ tokens: [k + 1], weight })),
    method,
    choose: (logPolicy_V) => {
      policy = logPolicy_V.slice();
      return 0;
    },
    maxNewTokens: 1,
  };
  const model = new ToyModel(([prompt]) => rows[prompt!]!, 12);
  for await (const _ of decode(model, [request]));
  return policy;
}

/** log π_base + scale · Σ w_k (log π_k − log π_base), normalised; term by term, in float64. */
function weightedSum(base: readonly number[], wishes: readonly Wish[], scale: number) {
  const logBase = oracles.logSoftmax(base);
  const logWishes = wishes.map(({ logits, weight }) => ({ weight, log: oracles.logSoftmax(logits) }));
  const scores = Array.from(logBase, (own, a) =>
    logWishes.reduce((sum, { weight, log }) => sum + scale * weight * (log[a]! - own), own),
  );
  return oracles.logSoftmax(scores);
}

interface Wish {
  readonly logits: readonly number[];
  readonly weight: number;
}

/**
 * Log-policies of at most 2·8 + log 12 in magnitude carry 2^-24 of it; Σ|w| ≤ 6 of them are added with 1 − Σw ≤ 7 of
 * the base, and x = 5.65 multiplies the sum. A factor of 4 for the operations between; T = 60 steps add up their own.
 */
const tolerance = (steps: number) => 4 * steps * 13 * (gamma + 1) * (16 + Math.log(12)) * 2 ** -24;

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test("several weighted preferences are log π_base + x Σ w_k (log π_k − log π_base)", async () => {
    await fc.assert(
      fc.asyncProperty(row, wishes, async (base, wishes) => {
        const rows = [base, ...wishes.map(({ logits }) => logits)];
        const weights = wishes.map(({ weight }) => weight);
        const policy = await firstPolicy(rows, weights, amuletMethod());
        const expected = weightedSum(base, wishes, gamma + 1);
        expect(oracles.totalVariation(policy, expected)).toBeLessThan(tolerance(1));
      }),
      { seed: 5, numRuns: 80 },
    );
  });

  test("the exact loop takes the weighted preferences for its reference, as the paper's loop would", async () => {
    await fc.assert(
      fc.asyncProperty(row, wishes, async (base, wishes) => {
        const rows = [base, ...wishes.map(({ logits }) => logits)];
        const weights = wishes.map(({ weight }) => weight);
        const policy = await firstPolicy(rows, weights, amuletExactMethod());
        const expected = oracles.amulet(base, weightedSum(base, wishes, 1), paperParameters);
        expect(oracles.totalVariation(policy, expected)).toBeLessThan(tolerance(61));
      }),
      { seed: 6, numRuns: 20 },
    );
  });

  test("the preference method follows the weighted preferences, and reads the base prompt for them", async () => {
    const [base, liked, disliked] = [1, 2, 3].map((k) =>
      Array.from({ length: 12 }, (_, i) => 3 * Math.sin(k * i)),
    );
    const policy = await firstPolicy([base!, liked!, disliked!], [1, -0.5], preferenceMethod());
    const wishes = [
      { logits: liked!, weight: 1 },
      { logits: disliked!, weight: -0.5 },
    ];
    const expected = weightedSum(base!, wishes, 1);
    expect(oracles.totalVariation(policy, expected)).toBeLessThan(tolerance(1));
  });
});

describe("rows that are added up", () => {
  withoutLeaks(backendUnderTest("cpu"));

  test("are the sums, and rows that stay what they are stay so bit by bit", async () => {
    const logs = [1, 2, 3].map((k) => Array.from({ length: 12 }, (_, i) => Math.fround(Math.sin(k * i) / 3)));
    const add = async (coefficients: number[][]) => {
      const mixed_BV = tf.tidy(() =>
        mixRows(tf.tensor2d(logs.slice(0, coefficients[0]!.length)), coefficients),
      );
      const rows = (await mixed_BV.array()) as number[][];
      mixed_BV.dispose();
      return rows;
    };
    const square = fc.integer({ min: 1, max: 3 }).chain((size) => {
      const row = fc.array(fc.constantFrom(0, 1, -0.5), { minLength: size, maxLength: size });
      return fc.array(row, { minLength: 1, maxLength: 3 });
    });
    await fc.assert(
      fc.asyncProperty(square, async (coefficients) => {
        const rows = await add(coefficients);
        expect(rows).toHaveLength(coefficients.length);
        for (const [b, own] of coefficients.entries()) {
          const single = own.indexOf(1);
          if (single >= 0 && own.every((value, r) => value === Number(r === single)))
            expect(rows[b]).toEqual(logs[single]);
          for (const [a, value] of rows[b]!.entries())
            expect(value).toBeCloseTo(
              oracles.sumOver(own.length, (r) => own[r]! * logs[r]![a]!),
              6,
            );
        }
      }),
      { seed: 7, numRuns: 100 },
    );
  });
});

describe("in an answer", () => {
  withoutLeaks(backendUnderTest("cpu"));

  const tangled = hashedLogits(12);
  const amulet = amuletMethod();
  const request = (change: Partial<DecodeRequest>): DecodeRequest => ({
    base: [1, 2],
    method: amulet,
    choose: chooseGreedily,
    maxNewTokens: 6,
    ...change,
  });

  async function policiesOf(requests: readonly DecodeRequest[], model = new ToyModel(tangled, 12)) {
    const policies: Float32Array[][] = requests.map(() => []);
    const watched = requests.map((one, i): DecodeRequest => {
      const choose: DecodeRequest["choose"] = (logPolicy_V, context) => {
        policies[i]!.push(logPolicy_V.slice());
        return one.choose(logPolicy_V, context);
      };
      return { ...one, choose };
    });
    for await (const _ of decode(model, watched));
    return policies;
  }

  test("one preference of weight 1 is the short form, bit by bit, also beside a mixture", async () => {
    const requests = [
      request({ preference: [1, 2, 3] }),
      request({ preferences: [{ tokens: [1, 2, 3], weight: 1 }] }),
      request({ preferences: [{ tokens: [4], weight: 2 }] }),
    ];
    const together = await policiesOf(requests);
    expect(together[1]).toEqual(together[0]);
    for (const [i, one] of requests.entries()) expect(together[i]).toEqual((await policiesOf([one]))[0]);
  });

  test("every preference is a row of the same forward pass", async () => {
    const model = new ToyModel(tangled, 12);
    const preferences = [{ tokens: [3] }, { tokens: [4], weight: -1 }, { tokens: [5], weight: 0.5 }];
    await policiesOf([request({ preferences })], model);
    expect(model.batches).toEqual(Array(6).fill(4));
  });

  test.each<[string, Partial<DecodeRequest>, string]>([
    [
      "both forms at once",
      { preference: [1], preferences: [{ tokens: [1] }] },
      "Both preference and preferences",
    ],
    ["no preference where one is read", {}, "There is no preference prompt"],
    [
      "a weight that is no number",
      { preferences: [{ tokens: [1], weight: Number.NaN }] },
      "weight of preference 1",
    ],
    ["an empty one of several", { preferences: [{ tokens: [1] }, { tokens: [] }] }, "preference (2) prompt"],
  ])("%s is refused", async (_, change, sentence) => {
    await expect(policiesOf([request(change)])).rejects.toThrow(sentence);
  });
});
