import { describe, expect, test } from "vitest";
import { chooseGreedily, createChooser, type SamplingOptions, xoshiro128 } from "../src/index.js";

const context = { generated: [], endTokens: new Set<number>() };
const logs = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);

/** Shares of the tokens over many draws with one seed. */
function shares(policy: Float32Array, options: SamplingOptions, draws = 20_000): number[] {
  const choose = createChooser({ seed: 11, temperature: 1, ...options });
  const counts = new Array<number>(policy.length).fill(0);
  for (let i = 0; i < draws; i++) counts[choose(policy, context)]!++;
  return counts.map((count) => count / draws);
}

/** The first four draws, worked out apart with exact integers from the definitions of both generators. */
const pinnedDraws = {
  seed0: [3809008728, 1133695204, 53579671, 2891528803],
  seed12345: [518667457, 440444462, 4232892992, 3757857622],
};

test("a seed means the same draws for ever", () => {
  const first = (seed: number) => Array.from({ length: 4 }, xoshiro128(seed)).map((value) => value * 2 ** 32);
  expect(first(0)).toEqual(pinnedDraws.seed0);
  expect(first(12345)).toEqual(pinnedDraws.seed12345);
  expect(first(0)).not.toEqual(first(1));
});

test("an option that is undefined is one that was left out", () => {
  const options = { temperature: 1, bannedTokens: undefined, topK: undefined, seed: undefined };
  const policy = logs(0.2, 0.3, 0.5);
  const draws = (choose = createChooser(options as object)) =>
    Array.from({ length: 20 }, () => choose(policy, context));
  expect(draws()).toEqual(draws(createChooser({ temperature: 1 })));
});

describe("greedy choice", () => {
  test("takes the most probable token, the first of equals", () => {
    expect(chooseGreedily(logs(0.2, 0.4, 0.4), context)).toBe(1);
  });

  test.each([
    ["NaN in the middle", [0.1, Number.NaN, 0.5]],
    ["NaN in front", [Number.NaN, 0.1, 0.5]],
    ["+Infinity", [0.1, Number.POSITIVE_INFINITY]],
  ])("refuses a policy with %s", (_, values) => {
    expect(() => chooseGreedily(Float32Array.from(values), context)).toThrow("not numbers");
  });

  test("refuses a policy in which nothing is possible", () => {
    expect(() => chooseGreedily(new Float32Array(3).fill(Number.NEGATIVE_INFINITY), context)).toThrow(
      "no possible",
    );
  });
});

describe("sampling", () => {
  test("draws in proportion to the policy (chi-square, 3 degrees of freedom, p = 0.001)", () => {
    const expected = [0.1, 0.2, 0.3, 0.4];
    const draws = 20_000;
    const statistic = shares(logs(...expected), {}, draws).reduce(
      (sum, share, i) => sum + (draws * (share - expected[i]!) ** 2) / expected[i]!,
      0,
    );
    expect(statistic).toBeLessThan(16.27);
  });

  test("the same seed draws the same tokens, another seed others", () => {
    const run = (seed: number) => {
      const choose = createChooser({ seed, temperature: 1 });
      return Array.from({ length: 50 }, () => choose(logs(0.25, 0.25, 0.25, 0.25), context)).join();
    };
    expect(run(1)).toBe(run(1));
    expect(run(1)).not.toBe(run(2));
  });

  test("a low temperature sharpens: probabilities to the power 1/temperature", () => {
    const [, second] = shares(logs(0.25, 0.75), { temperature: 0.5 });
    expect(second).toBeCloseTo(0.75 ** 2 / (0.75 ** 2 + 0.25 ** 2), 1);
  });

  test.each<[string, SamplingOptions, number[]]>([
    ["top-k keeps the k most probable", { topK: 2 }, [0, 0, 3 / 7, 4 / 7]],
    ["top-p keeps the fewest that reach p", { topP: 0.7 }, [0, 0, 3 / 7, 4 / 7]],
    ["top-p includes the token that reaches p", { topP: 0.71 }, [0, 2 / 9, 3 / 9, 4 / 9]],
    ["min-p is relative to the best", { minP: 0.6 }, [0, 0, 3 / 7, 4 / 7]],
    ["banned tokens are never drawn", { bannedTokens: [3] }, [1 / 6, 2 / 6, 3 / 6, 0]],
    ["top-p counts what top-k left", { topK: 2, topP: 0.5 }, [0, 0, 0, 1]],
  ])("%s", (_, options, expected) => {
    const came = shares(logs(0.1, 0.2, 0.3, 0.4), options);
    for (const [i, share] of came.entries()) {
      if (expected[i] === 0) expect(share).toBe(0);
      else expect(share).toBeCloseTo(expected[i]!, 1);
    }
  });

  test("an answer cannot end before minNewTokens", () => {
    const choose = createChooser({ minNewTokens: 1 });
    const end = { generated: [], endTokens: new Set([1]) };
    expect(choose(logs(0.1, 0.9), end)).toBe(0);
    expect(choose(logs(0.1, 0.9), { ...end, generated: [0] })).toBe(1);
  });

  test("penalties make tokens of the answer less likely", () => {
    const after = { generated: [1, 1], endTokens: new Set<number>() };
    expect(createChooser({ repetitionPenalty: 2 })(logs(0.4, 0.6), after)).toBe(0);
    expect(createChooser({ presencePenalty: 1 })(logs(0.4, 0.6), after)).toBe(0);
    expect(createChooser({ presencePenalty: 0.1 })(logs(0.4, 0.6), after)).toBe(1);
  });

  test("forbidding every token is an error, not a choice", () => {
    expect(() => createChooser({ bannedTokens: [0, 1] })(logs(0.5, 0.5), context)).toThrow(
      "No token is left",
    );
  });

  test.each<[SamplingOptions, string]>([
    [{ temperature: -1 }, "temperature"],
    [{ temperature: Number.NaN }, "temperature"],
    [{ topK: 1.5 }, "topK"],
    [{ topP: 0 }, "topP"],
    [{ minP: 2 }, "minP"],
    [{ repetitionPenalty: 0 }, "repetitionPenalty"],
    [{ seed: 0.5 }, "seed"],
  ])("%o is refused by name", (options, name) => {
    expect(() => createChooser(options)).toThrow(name);
  });
});
