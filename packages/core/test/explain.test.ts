import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest, backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import { oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readExplainOptions } from "../src/explain/explain.js";
import {
  amuletMethod,
  baseMethod,
  chooseGreedily,
  type DecodeRequest,
  decode,
  type Explanation,
  explainToken,
  guidanceScale,
  type Method,
  paperParameters,
  preferenceMethod,
  type TokenView,
} from "../src/index.js";

const gamma = guidanceScale(paperParameters) - 1;
const logit = fc.double({ min: -8, max: 8, noNaN: true }).map(Math.fround);
const row = fc.array(logit, { minLength: 9, maxLength: 9 });

/**
 * Float32 log-policies of magnitude up to 16 + log 9 are off by 2^-24 of it, x = 5.65 multiplies that, and a few
 * operations repeat it. A divergence weighs such errors with probabilities, a probability is off by its share.
 */
const tolerance = 8 * (gamma + 1) * 2 * (16 + Math.log(9)) * 2 ** -24;

/** Σ π log(π/ρ) is off by the errors of both logarithms, and by those of π times |log(π/ρ)| ≤ 2 (16 + log 9). */
const klTolerance = (2 + 2 * (16 + Math.log(9))) * tolerance;

async function explanationsOf(
  base: readonly number[],
  preference: readonly number[],
  change: Partial<DecodeRequest> = {},
) {
  const model = new ToyModel(([prompt]) => [base, preference][prompt!]!, 9);
  const request: DecodeRequest = {
    base: [0],
    preference: [1],
    method: amuletMethod(),
    choose: chooseGreedily,
    maxNewTokens: 1,
    explain: true,
    ...change,
  };
  const found: (Explanation | undefined)[] = [];
  for await (const event of decode(model, [request])) {
    if (event.type === "token") found.push(event.explanation);
  }
  return found;
}

/** KL over the tokens that the first policy may say. */
function divergence(policy: Float64Array, other: Float64Array): number {
  const said = [...policy.keys()].filter((token) => policy[token] !== Number.NEGATIVE_INFINITY);
  return said.reduce((sum, token) => sum + Math.exp(policy[token]!) * (policy[token]! - other[token]!), 0);
}

interface Rows {
  readonly logBase: Float64Array;
  readonly logPreference: Float64Array;
  readonly logPolicy: Float64Array;
}

function rowsOf(base: readonly number[], preference: readonly number[], scale: number): Rows {
  const [logBase, logPreference] = [oracles.logSoftmax(base), oracles.logSoftmax(preference)];
  return { logBase, logPreference, logPolicy: oracles.tilt(base, preference, scale - 1) };
}

function expectView(view: TokenView, { logBase, logPreference, logPolicy }: Rows): void {
  const { id } = view;
  const close = (came: number, expected: number) => expect(Math.abs(came - expected)).toBeLessThan(tolerance);
  close(view.baseProbability, Math.exp(logBase[id]!));
  close(view.preferenceProbability, Math.exp(logPreference[id]!));
  close(view.probability, Math.exp(logPolicy[id]!));
  close(view.delta, logPreference[id]! - logBase[id]!);
  expectRank(view.baseRank, id, logBase);
  expectRank(view.preferenceRank, id, logPreference);
  expectRank(view.rank, id, logPolicy);
}

/** Tokens that float32 can't tell apart may stand in either order. */
function expectRank(rank: number, id: number, log: Float64Array): void {
  const above = log.filter((value) => value > log[id]! + tolerance).length;
  const notBelow = log.filter((value) => value > log[id]! - tolerance).length;
  expect(rank).toBeGreaterThan(above);
  expect(rank).toBeLessThanOrEqual(notBelow);
}

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test.each<[string, Method, number]>([
    ["amulet", amuletMethod(), gamma + 1],
    ["base", baseMethod(), 0],
    ["pref", preferenceMethod(), 1],
  ])("an explanation of %s holds what the policies are, in float64", async (_, method, scale) => {
    await fc.assert(
      fc.asyncProperty(row, row, async (base, preference) => {
        const [explanation] = await explanationsOf(base, preference, { method });
        const rows = rowsOf(base, preference, scale);
        const { alternatives, baseChoice, preferenceChoice, ...view } = explanation!;
        for (const one of [view, baseChoice, preferenceChoice, ...alternatives]) expectView(one, rows);
        expectRank(1, baseChoice.id, rows.logBase);
        expectRank(1, preferenceChoice.id, rows.logPreference);
        const klFromBase = oracles.kl(rows.logPolicy, rows.logBase);
        const klFromPreference = oracles.kl(rows.logPolicy, rows.logPreference);
        expect(Math.abs(view.klFromBase - klFromBase)).toBeLessThan(klTolerance);
        expect(Math.abs(view.klFromPreference - klFromPreference)).toBeLessThan(klTolerance);
        expect(view.guidanceScale).toBeCloseTo(scale, 12);
        expect(view.gamma).toBeCloseTo(scale - 1, 12);
      }),
      { seed: 21, numRuns: 60 },
    );
  });
});

describe("an explanation", () => {
  withoutLeaks(backendUnderTest("cpu"));
  const base = [3, 1, 2, 0, 0, 0, 0, 0, 0];
  const preference = [1, 3, 2, 0, 0, 0, 0, 0, 0];

  test("lists other tokens, best first, as many as were asked for", async () => {
    const [explanation] = await explanationsOf(base, preference, { explain: { alternatives: 3 } });
    expect(explanation!.id).toBe(1);
    expect(explanation!.baseChoice.id).toBe(0);
    expect(explanation!.alternatives.map(({ id }) => id)).toEqual([2, 3, 4]);
  });

  test("lists the best token among the others when another one was taken", async () => {
    const [explanation] = await explanationsOf(base, preference, {
      choose: () => 2,
      explain: { alternatives: 2 },
    });
    expect(explanation!.alternatives.map(({ id }) => id)).toEqual([1, 3]);
  });

  test("says the γ that the method reports for this token, before the one of the method", async () => {
    const amulet = amuletMethod();
    const bounded: Method = {
      ...amulet,
      policy: (logBase_BV, logPreference_BV) => {
        const logPolicy_BV = amulet.policy(logBase_BV, logPreference_BV);
        if ("gamma_B1" in logPolicy_BV) return logPolicy_BV;
        return { logPolicy_BV, gamma_B1: tf.fill([1, 1], 0.25) };
      },
    };
    const [explanation] = await explanationsOf(base, preference, { method: bounded });
    expect(explanation).toMatchObject({ gamma: 0.25, guidanceScale: 1.25 });
  });

  test("is made for the request that asked for it alone, and changes no token", async () => {
    expect(await explanationsOf(base, preference, { explain: false })).toEqual([undefined]);
  });

  test("is made for one of two answers side by side, if one asks for it", async () => {
    const model = new ToyModel(([prompt]) => [base, preference][prompt!]!, 9);
    const request = {
      base: [0],
      preference: [1],
      method: amuletMethod(),
      choose: chooseGreedily,
      maxNewTokens: 1,
    };
    const explained: boolean[] = [];
    for await (const event of decode(model, [{ ...request, explain: true }, request]))
      if (event.type === "token") explained[event.request] = event.explanation !== undefined;
    expect(explained).toEqual([true, false]);
  });

  test("of a policy that is the preference's own is at no distance from it", () => {
    const logs_V = oracles.logSoftmax(preference);
    const rows = { logBase_C: oracles.logSoftmax(base), logPreference_C: logs_V, logPolicy_C: logs_V };
    expect(explainToken(1, rows).klFromPreference).toBe(0);
  });

  test("stays finite where a policy forbids a token", () => {
    const forbidden = Float32Array.of(0, -1e4);
    const rows = { logBase_C: forbidden, logPreference_C: Float32Array.of(-1e4, 0), logPolicy_C: forbidden };
    const { klFromBase, klFromPreference, delta } = explainToken(0, rows);
    expect([klFromBase, klFromPreference, delta]).toEqual([0, 1e4, -1e4]);
  });

  // Logits rather than policies, ties, and tokens that no policy allows.
  const scored = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: -6, max: 6 }) },
    { weight: 1, arbitrary: fc.constant(Number.NEGATIVE_INFINITY) },
  );
  const anyRow = fc
    .array(scored, { minLength: 7, maxLength: 7 })
    .filter((values) => values.some(Number.isFinite))
    .map((values) => Float32Array.from(values));

  test("of any rows lists ranks and alternatives as sorting does, and divergences over what may be said", () => {
    const any = { base: anyRow, preference: anyRow, policy: anyRow, id: fc.nat(6), alternatives: fc.nat(8) };
    fc.assert(
      fc.property(fc.record(any), ({ base, preference, policy, id, alternatives }) => {
        const rows = { logBase_C: base, logPreference_C: preference, logPolicy_C: policy };
        const explanation = explainToken(id, rows, { alternatives });
        const sorted = [...policy.keys()].sort((a, b) =>
          policy[b]! > policy[a]! ? 1 : policy[b]! < policy[a]! ? -1 : a - b,
        );
        const others = sorted.filter((token) => token !== id).slice(0, alternatives);
        expect(explanation.alternatives.map((view) => view.id)).toEqual(others);
        const rank = (row: Float32Array, token: number) =>
          1 + row.filter((value) => value > row[token]!).length;
        for (const view of [explanation, ...explanation.alternatives]) {
          expect([view.baseRank, view.preferenceRank, view.rank]).toEqual(
            [base, preference, policy].map((row) => rank(row, view.id)),
          );
          expect(view.probability).toBeCloseTo(Math.exp(oracles.logSoftmax(policy)[view.id]!), 12);
        }
        for (const [came, other] of [
          [explanation.klFromBase, base],
          [explanation.klFromPreference, preference],
        ] as const) {
          const expected = divergence(oracles.logSoftmax(policy), oracles.logSoftmax(other));
          if (Number.isFinite(expected)) expect(came).toBeCloseTo(expected, 12);
          else expect(came).toBe(expected);
        }
        expect(explanation).not.toHaveProperty("gamma");
        expect(explanation).not.toHaveProperty("guidanceScale");
      }),
      { seed: 23, numRuns: 500 },
    );
  });

  test("lists five alternatives unless told otherwise, or none at all", () => {
    const logs_V = Float32Array.of(0, -1, -2, -3, -4, -5, -6);
    const rows = { logBase_C: logs_V, logPreference_C: logs_V, logPolicy_C: logs_V };
    expect(explainToken(6, rows).alternatives.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4]);
    expect(readExplainOptions(true)).toEqual({ alternatives: 5 });
    expect(readExplainOptions({})).toEqual({ alternatives: 5 });
    expect(readExplainOptions({ alternatives: 0 })).toEqual({ alternatives: 0 });
    expect(readExplainOptions(false)).toBeUndefined();
    expect(() => readExplainOptions({ alternatives: 1.5 })).toThrow(
      expect.objectContaining({
        code: "bad-request",
        message: "explain.alternatives must be a whole number of at least 0; it is 1.5.",
      }),
    );
  });

  test("of a negative number of alternatives is refused", async () => {
    await expect(explanationsOf(base, preference, { explain: { alternatives: -1 } })).rejects.toThrow(
      "explain.alternatives",
    );
  });
});
