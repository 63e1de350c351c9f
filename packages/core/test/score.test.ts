import { oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backendsUnderTest, backendUnderTest } from "../../../test/backends/under-test.js";
import {
  amuletExactMethod,
  amuletMethod,
  baseMethod,
  boundedMethod,
  decode,
  linearAlignmentMethod,
  type Method,
  preferenceMethod,
  withPlausibility,
} from "../src/index.js";
import { scoreAnswer } from "../src/score.js";
import { withoutLeaks } from "./no-leaks.js";
import { type NextLogits, ToyModel } from "./toy-model.js";

const size = 9;
/** Logits by a small hash of the row's tokens and their order. */
const tangled: NextLogits = (row) => {
  const hash = row.reduce((sum, token) => Math.imul(sum, 31) + token + 7, 17);
  return Array.from({ length: size }, (_, i) => 3 * Math.sin((hash % 1009) * (i + 1)));
};
const prompts = { base: [1, 2], preference: [1, 2, 3, 4] };
const methods: readonly Method[] = [
  baseMethod(),
  preferenceMethod(),
  linearAlignmentMethod(),
  amuletMethod(),
  amuletExactMethod(),
  boundedMethod(0.2),
  withPlausibility(linearAlignmentMethod()),
];
const answers = (maxLength: number) => fc.array(fc.nat({ max: size - 1 }), { minLength: 1, maxLength });

/** What decoding reports when the answer's tokens are chosen for it, one by one. */
async function teacherForced(method: Method, answer: readonly number[]): Promise<number[]> {
  const said: number[] = [];
  const request = {
    ...prompts,
    method,
    choose: () => answer[said.length]!,
    maxNewTokens: answer.length,
  };
  for await (const event of decode(new ToyModel(tangled, size), [request])) {
    if (event.type === "token") said.push(event.logProbability);
  }
  return said;
}

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test("the score is what decoding reports when the tokens are chosen for it", async () => {
    await fc.assert(
      fc.asyncProperty(answers(12), async (answer) => {
        const model = new ToyModel(tangled, size);
        const scores = await scoreAnswer(model, prompts, answer, methods);
        for (const [i, method] of methods.entries()) {
          const expected = await teacherForced(method, answer);
          expect(scores[i]!.method).toBe(method.name);
          for (const [t, value] of scores[i]!.logProbabilities.entries()) {
            // The same operations on a batch of other rows: at most the last bits of float32 logarithms near 40.
            expect(Math.abs(value - expected[t]!)).toBeLessThan(1e-4);
          }
        }
        expect(model.openSessions).toBe(0);
      }),
      { seed: 51, numRuns: 15 },
    );
  });

  test("an answer of many passes has the log-probabilities of its tokens, in float64", async () => {
    const answer = Array.from({ length: 150 }, (_, i) => (i * i + 3) % size);
    const [base, preference] = await scoreAnswer(
      new ToyModel(tangled, size),
      prompts,
      answer,
      methods.slice(0, 2),
    );
    for (const [score, prompt] of [
      [base!, prompts.base],
      [preference!, prompts.preference],
    ] as const) {
      const expected = answer.map(
        (id, t) => oracles.logSoftmax(tangled([...prompt, ...answer.slice(0, t)]))[id]!,
      );
      for (const [t, value] of score.logProbabilities.entries()) {
        expect(Math.abs(value - expected[t]!)).toBeLessThan(1e-5);
      }
      const total = oracles.sumOver(expected.length, (t) => expected[t]!);
      expect(score.total).toBeCloseTo(total, 3);
      expect(score.perplexity).toBeCloseTo(Math.exp(-total / 150), 3);
    }
  });
});

describe("on cpu, for what is read", () => {
  withoutLeaks(backendUnderTest("cpu"));

  test("each prompt and the answer behind it are read once, whatever the number of methods", async () => {
    const model = new ToyModel(tangled, size);
    await scoreAnswer(model, prompts, [1, 2, 3, 4, 5], methods);
    expect(model.tokensRead).toBe(2 + 4 + 2 * 4);
    const base = new ToyModel(tangled, size);
    await scoreAnswer(base, prompts, [1, 2, 3, 4, 5], [baseMethod()]);
    expect(base.tokensRead).toBe(2 + 4);
  });

  test("an abort, logits that are not numbers and a failing method leave nothing open", async () => {
    const model = new ToyModel(tangled, size);
    const aborted = { signal: AbortSignal.abort() };
    await expect(scoreAnswer(model, prompts, [1], methods, aborted)).rejects.toMatchObject({
      code: "aborted",
    });
    const broken = new ToyModel(() => [Number.NaN, 0, 0], 5);
    await expect(scoreAnswer(broken, prompts, [1], methods.slice(0, 4))).rejects.toMatchObject({
      code: "not-finite",
    });
    const failing: Method = {
      ...amuletMethod(),
      policy: () => {
        throw new Error("no policy today");
      },
    };
    await expect(scoreAnswer(model, prompts, [1, 2], [...methods, failing])).rejects.toThrow(
      "no policy today",
    );
    expect(model.openSessions + broken.openSessions).toBe(0);
  });

  test("an answer that cannot be scored is refused with the reason", async () => {
    const model = new ToyModel(tangled, size, new Set(), 8);
    await expect(scoreAnswer(model, prompts, [], methods)).rejects.toThrow("empty");
    await expect(scoreAnswer(model, prompts, [size], methods)).rejects.toThrow(`holds ${size}`);
    await expect(scoreAnswer(model, prompts, [1, 1, 1, 1, 1], methods)).rejects.toThrow("4 + 5");
    await expect(scoreAnswer(model, prompts, [1], [])).rejects.toThrow("no method");
    expect((await scoreAnswer(model, prompts, [1, 1, 1, 1], methods))[0]!.logProbabilities).toHaveLength(4);
  });
});
