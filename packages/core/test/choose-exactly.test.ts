/** Which token a draw takes, not only how often: the cumulative distribution inverted at the stream's number. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { argMax, createChooser, type SamplingOptions, xoshiro128 } from "../src/index.js";

const context = { generated: [], endTokens: new Set<number>() };
const logs = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);
const draws = (policy: Float32Array, options: SamplingOptions, count = 60) => {
  const choose = createChooser({ temperature: 1, ...options });
  return Array.from({ length: count }, () => choose(policy, context));
};

test("the likeliest token has the lowest numbers of the stream, and so on down to the rarest", () => {
  // Sums of 0.4, 0.3, 0.2, 0.1: the tokens 3, 2, 1, 0.
  const tokenAt = (uniform: number) => 3 - [0.4, 0.7, 0.9].filter((sum) => uniform >= sum).length;
  for (const seed of [1, 2, 3]) {
    const stream = xoshiro128(seed);
    const expected = Array.from({ length: 60 }, () => tokenAt(stream()));
    expect(draws(logs(0.1, 0.2, 0.3, 0.4), { seed })).toEqual(expected);
  }
});

test("equally likely tokens stand in the order of their ids", () => {
  const stream = xoshiro128(4);
  const expected = Array.from({ length: 60 }, () => Math.floor(stream() * 4));
  expect(draws(new Float32Array(4).fill(Math.log(0.25)), { seed: 4 })).toEqual(expected);
});

test("a draw takes one number of the stream, whatever the options leave", () => {
  const policy = logs(0.1, 0.2, 0.3, 0.4);
  const [narrow, wide] = [{ topK: 1 }, {}].map((options) =>
    createChooser({ temperature: 1, seed: 5, ...options }),
  );
  const alone = draws(policy, { seed: 5 }, 20);
  for (const expected of alone) {
    expect(narrow!(policy, context)).toBe(3);
    expect(wide!(policy, context)).toBe(expected);
  }
});

test("what a threshold meets exactly is kept by min-p and ends the nucleus of top-p", () => {
  const even = new Float32Array(2).fill(Math.log(0.5));
  expect(new Set(draws(even, { minP: 1 }))).toEqual(new Set([0, 1]));
  expect(new Set(draws(even, { topP: 0.5 }))).toEqual(new Set([0]));
  expect(new Set(draws(even, { topK: 1 }))).toEqual(new Set([0]));
  expect(new Set(draws(even, { topP: 1, topK: 0, minP: 0 }))).toEqual(new Set([0, 1]));
});

test("of equals the first wins, drawn greedily or at temperature 0", () => {
  expect(argMax([1, 3, 3, 2])).toBe(1);
  expect(argMax([])).toBe(0);
  expect(createChooser()(logs(0.2, 0.4, 0.4), context)).toBe(1);
  expect(createChooser({ topK: 1, topP: 0.1, minP: 1 })(logs(0.2, 0.4, 0.4), context)).toBe(1);
});

test("penalties count a token once, however often it came, and leave the others", () => {
  const after = { generated: [1, 1, 1], endTokens: new Set<number>() };
  // log 0.7 − 0.5 is still above log 0.3; thrice 0.5 would not be.
  expect(createChooser({ presencePenalty: 0.5 })(logs(0.3, 0.7), after)).toBe(1);
  // 0.7³ is 0.34 and still above 0.3; a second cube would not be.
  expect(createChooser({ repetitionPenalty: 3 })(logs(0.3, 0.7), after)).toBe(1);
  expect(createChooser({ repetitionPenalty: 3.5 })(logs(0.3, 0.7), after)).toBe(0);
  expect(createChooser({ presencePenalty: -2 })(logs(0.7, 0.3), after)).toBe(1);
});

test("biases are added by id; a penalty of frequency counts every time that a token came", () => {
  const after = { generated: [1, 1, 1], endTokens: new Set<number>() };
  // log 0.7 − 3 · 0.28 is just above log 0.3; 3 · 0.29 is too much.
  expect(createChooser({ frequencyPenalty: 0.28 })(logs(0.3, 0.7), after)).toBe(1);
  expect(createChooser({ frequencyPenalty: 0.29 })(logs(0.3, 0.7), after)).toBe(0);
  expect(createChooser({ frequencyPenalty: -0.3 })(logs(0.7, 0.3), after)).toBe(1);
  // log 0.7 − log 0.3 is 0.847.
  expect(createChooser({ logitBias: { 0: 0.84 } })(logs(0.3, 0.7), context)).toBe(1);
  expect(createChooser({ logitBias: { 0: 0.85 } })(logs(0.3, 0.7), context)).toBe(0);
  expect(createChooser({ logitBias: { 1: -100, 7: 100 } })(logs(0.3, 0.7), context)).toBe(0);
  const columns = {
    count: 2,
    isWhole: false,
    idOf: (column: number) => [7, 9][column]!,
    columnOf: (id: number) => ({ 7: 0, 9: 1 })[id],
  };
  expect(createChooser({ logitBias: { 7: 5, 1: -100 } })(logs(0.3, 0.7), { ...context, columns })).toBe(0);
});

test("all settings of a score together are (log π + bias) · repetition − presence − times · frequency", () => {
  const size = 6;
  const setting = fc.integer({ min: -8, max: 8 }).map((eighths) => eighths / 8);
  const factor = fc.integer({ min: 4, max: 16 }).map((eighths) => eighths / 8);
  const scores = fc.array(fc.integer({ min: -200, max: 0 }), { minLength: size, maxLength: size });
  const said = fc.array(fc.integer({ min: 0, max: size - 1 }), { maxLength: 8 });
  const biases = fc.array(setting, { minLength: size, maxLength: size });
  fc.assert(
    fc.property(scores, said, biases, setting, setting, factor, (row, generated, bias, ...penalties) => {
      const [presencePenalty, frequencyPenalty, repetitionPenalty] = penalties;
      // Eighths and sixteenths, which float32 adds and multiplies without rounding.
      const policy = Float32Array.from(row, (score) => score / 16);
      const expected = Array.from(policy, (score, id) => {
        const times = generated.filter((one) => one === id).length;
        if (times === 0) return score + bias[id]!;
        return (score + bias[id]!) * repetitionPenalty - presencePenalty - times * frequencyPenalty;
      });
      const logitBias = Object.fromEntries(bias.entries());
      const choose = createChooser({ logitBias, presencePenalty, frequencyPenalty, repetitionPenalty });
      expect(choose(policy, { ...context, generated })).toBe(argMax(expected));
    }),
    { seed: 20 },
  );
});

test("the policy itself is not changed", () => {
  const policy = logs(0.3, 0.7);
  const before = policy.slice();
  createChooser({ bannedTokens: [1], presencePenalty: 1 })(policy, { ...context, generated: [0] });
  expect(policy).toEqual(before);
});

test("an end token is held back until the answer has minNewTokens, no longer", () => {
  const choose = createChooser({ minNewTokens: 2 });
  const after = (...generated: number[]) => ({ generated, endTokens: new Set([1, 2]) });
  expect(choose(logs(0.1, 0.5, 0.4), after())).toBe(0);
  expect(choose(logs(0.1, 0.5, 0.4), after(0))).toBe(0);
  expect(choose(logs(0.1, 0.5, 0.4), after(0, 0))).toBe(1);
});

test("what is drawn is what sorting the whole vocabulary gives", () => {
  const ranges = {
    width: fc.integer({ min: 1, max: 2000 }),
    spread: fc.constantFrom(0.01, 1, 10, 60),
    seed: fc.nat(),
    gap: fc.constantFrom(0, 8),
    temperature: fc.constantFrom(0.1, 1, 3),
    topK: fc.constantFrom(0, 1, 7, 5000),
    topP: fc.constantFrom(1, 0.9, 0.999999),
    minP: fc.constantFrom(0, 1e-9, 0.05),
  };
  // Two fifths of it are past the first band, so that five draws of this seed go there.
  const wide = { width: 2000, spread: 0.01, seed: 1, gap: 8, temperature: 1, topK: 0, topP: 1, minP: 0 };
  let beyond = 0;
  fc.assert(
    fc.property(fc.record(ranges), ({ width, spread, seed, gap, ...options }) => {
      const random = xoshiro128(seed);
      // Rounded, so that there are equals.
      const policy_C = Float32Array.from(
        { length: width },
        (_, id) => Math.round(-8 * spread * random()) / 8 - (id > 0 ? gap : 0),
      );
      const drawn = draws(policy_C, { ...options, seed }, 5);
      const stream = xoshiro128(seed);
      expect(drawn).toEqual(drawn.map(() => drawBySorting(policy_C, options, stream())));
      const low = Math.max(...policy_C) - 7 * options.temperature;
      if (drawn.some((id) => policy_C[id]! < low)) beyond++;
    }),
    { numRuns: 200, examples: [[wide]] },
  );
  // Draws past the first band, which an order that ended there would get wrong.
  expect(beyond).toBeGreaterThan(0);
});

function drawBySorting(
  policy_C: Float32Array,
  { temperature, topK, topP, minP }: { temperature: number; topK: number; topP: number; minP: number },
  uniform: number,
): number {
  const best = Math.max(...policy_C);
  const sum = (weights: readonly number[]) => weights.reduce((total, weight) => total + weight, 0);
  const all = Array.from(policy_C, (score, id) => ({ id, weight: Math.exp((score - best) / temperature) }));
  const sorted = all.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight || a.id - b.id);
  const few = topK > 0 ? sorted.slice(0, topK) : sorted;
  let sofar = 0;
  const mass = sum(few.map(({ weight }) => weight)) * topP;
  const before = few.map(({ weight }) => {
    const start = sofar;
    sofar += weight;
    return start;
  });
  const kept = few.filter(({ weight }, i) => (topP === 1 || before[i]! < mass) && weight >= minP);
  const point = uniform * sum(kept.map(({ weight }) => weight));
  let reached = 0;
  const found = kept.find(({ weight }) => {
    reached += weight;
    return reached > point;
  });
  return (found ?? kept.at(-1)!).id;
}
