import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { TopModel } from "@amulet-ts/testing/models/top-model";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import { oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inspectPosition, paperParameters } from "../src/index.js";

withoutLeaks("wasm");

const V = 9;
const row = fc.array(fc.double({ min: -4, max: 4, noNaN: true }).map(Math.fround), {
  minLength: V,
  maxLength: V,
});
const parameters = fc.record({
  iterations: fc.integer({ min: 0, max: 30 }),
  alpha: fc.constantFrom(0, 0.5, 1, 2),
  lambda: fc.constantFrom(1, 2),
  eta: fc.constantFrom(1, 10, Number.POSITIVE_INFINITY),
});
const prompts = { base: [0], preference: [1] };
/** The rows do not change while the answer grows. */
const steady = (base: readonly number[], preference: readonly number[], end = V) =>
  new ToyModel(([prompt]) => [base, preference][prompt!]!, V, new Set([end]));

/** π ∝ base^(1−x) · pref^x in float64, and its divergences: what the x of an iteration comes to. */
function policyAt(x: number, base: readonly number[], preference: readonly number[]) {
  const logs = base.map((logit, v) => (1 - x) * logit + x * preference[v]!);
  const normalise = (row: readonly number[]) => {
    const best = Math.max(...row);
    const logZ = best + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - best), 0));
    return row.map((logit) => logit - logZ);
  };
  const [policy, logBase, logPreference] = [logs, base, preference].map(normalise);
  const kl = (other: readonly number[]) =>
    policy!.reduce((sum, log, v) => sum + Math.exp(log) * (log - other[v]!), 0);
  return {
    probabilities: policy!.map(Math.exp),
    klFromBase: kl(logBase!),
    klFromPreference: kl(logPreference!),
  };
}

test("each iteration is the policy of its x, with its divergences, from 0 to T", async () => {
  await fc.assert(
    fc.asyncProperty(row, row, parameters, async (base, preference, chosen) => {
      const { trajectory, candidates, token } = await inspectPosition(steady(base, preference), {
        prompts,
        parameters: chosen,
      });
      expect(trajectory.map(({ t }) => t)).toEqual([...Array(chosen.iterations + 1).keys()]);
      const xs = oracles.exponentTrajectory(chosen).map(({ preference: x }) => x);
      // Log-policies up to 8 + log 9 carry 2^-24 of that, x multiplies it, and each of T steps adds its own roundings.
      const tolerance = 2 ** -24 * 16 * (xs.at(-1)! + 1) * (12 + chosen.iterations);
      for (const [
        t,
        { guidanceScale, probabilities, klFromBase, klFromPreference },
      ] of trajectory.entries()) {
        expect(Math.abs(guidanceScale / xs[t]! - 1)).toBeLessThan(1e-12);
        const expected = policyAt(xs[t]!, base, preference);
        for (const [i, { id }] of candidates.entries())
          expect(Math.abs(probabilities[i]! - expected.probabilities[id]!)).toBeLessThan(tolerance);
        expect(Math.abs(klFromBase - expected.klFromBase)).toBeLessThan(20 * tolerance);
        expect(Math.abs(klFromPreference - expected.klFromPreference)).toBeLessThan(20 * tolerance);
      }
      expect(candidates[0]!.id).toBe(token.id);
      expect(new Set(candidates.map(({ id }) => id)).size).toBe(candidates.length);
    }),
    { seed: 41, numRuns: 40 },
  );
});

/** Says 3, 4, 5 and then its end, 8. */
const counting = () => {
  const favour = (id: number) => Array.from({ length: V }, (_, v) => (v === id ? 5 : 0));
  return new ToyModel((tokens) => favour([3, 4, 5, 8][tokens.length - 1] ?? 8), V, new Set([8]));
};

describe("a position", () => {
  test("is reached by Amulet's own greedy answer; the end token is the last", async () => {
    for (const position of [0, 1, 2, 3]) {
      const { before, token } = await inspectPosition(counting(), { prompts, position });
      expect(before).toEqual([3, 4, 5].slice(0, position));
      expect(token.id).toBe([3, 4, 5, 8][position]);
      expect(token.guidanceScale).toBeCloseTo(5.648699006951202, 12);
    }
  });

  test("beyond the end is refused, with where the end is", async () => {
    await expect(inspectPosition(counting(), { prompts, position: 4 })).rejects.toMatchObject({
      code: "bad-request",
      message: expect.stringMatching(/ends before token 4: its last position is 3/),
    });
  });

  test.each([-1, 0.5, Number.NaN])("%s is refused", async (position) => {
    await expect(inspectPosition(counting(), { prompts, position })).rejects.toThrow(
      "position must be a whole number",
    );
  });

  test("on the way, an abort and logits that are no numbers leave nothing behind", async () => {
    const signal = AbortSignal.abort();
    await expect(inspectPosition(counting(), { prompts, signal })).rejects.toMatchObject({ code: "aborted" });
    const broken = new ToyModel((tokens) => Array(V).fill(tokens.length < 3 ? 0 : Number.NaN), V);
    await expect(inspectPosition(broken, { prompts, position: 2 })).rejects.toMatchObject({
      code: "not-finite",
    });
    expect(broken.openSessions).toBe(0);
  });
});

test("an engine that gives the most probable tokens only can't be inspected", async () => {
  const model = new TopModel(steady(Array(V).fill(0), Array(V).fill(0)), 3);
  await expect(inspectPosition(model, { prompts, parameters: paperParameters })).rejects.toMatchObject({
    code: "not-covered",
  });
});
