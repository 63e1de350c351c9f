import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest, backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { type NextLogits, ToyModel } from "@amulet-ts/testing/models/toy-model";
import { oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scoreAnswer } from "../src/decode/score.js";
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

const size = 9;
const tangled = hashedLogits(size);
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

  test.each([
    ["the preference prompt alone", [preferenceMethod()], 4],
    ["both prompts for one method", [amuletMethod()], 2 + 4],
  ])("%s is read where no other is wanted", async (_, alone, promptTokens) => {
    const model = new ToyModel(tangled, size);
    const [score] = await scoreAnswer(model, prompts, [1, 2, 3], alone);
    expect(model.tokensRead).toBe(promptTokens + (promptTokens === 4 ? 1 : 2) * 2);
    const expected = await teacherForced(alone[0]!, [1, 2, 3]);
    for (const [t, value] of score!.logProbabilities.entries())
      expect(Math.abs(value - expected[t]!)).toBeLessThan(1e-4);
  });

  test("no more than 64 positions are read at once", async () => {
    const model = new ToyModel(tangled, size);
    await scoreAnswer(model, prompts, Array(150).fill(1), [baseMethod()]);
    // The prompt, then the answer but for its last token.
    expect(model.lengths).toEqual([[2], [64], [64], [21]]);
  });

  test("one position of one method that is no number is enough to refuse all", async () => {
    // The preference row, which is longer, breaks at its last position.
    const late: NextLogits = (row) =>
      row.length === 6 ? [Number.NaN, ...tangled(row).slice(1)] : tangled(row);
    const model = new ToyModel(late, size);
    await expect(
      scoreAnswer(model, prompts, [1, 2, 3], [baseMethod(), preferenceMethod()]),
    ).rejects.toMatchObject({
      code: "not-finite",
      message: expect.stringMatching(/^The policy of a method holds NaN or no possible token/),
    });
  });

  test.each([
    [[], "it is empty"],
    [[size], "it holds 9"],
    [[1, -1], "it holds -1"],
    [[0.5], "it holds 0.5"],
  ])("the answer %j is refused by its first bad token", async (answer, why) => {
    await expect(scoreAnswer(new ToyModel(tangled, size), prompts, answer, methods)).rejects.toMatchObject({
      code: "bad-request",
      message: `The answer to score must be one or more token ids from 0 to 8; ${why}.`,
    });
  });

  test("an answer that cannot be scored is refused with the reason", async () => {
    const model = new ToyModel(tangled, size, new Set(), 8);
    await expect(scoreAnswer(model, prompts, [1, 1, 1, 1, 1], methods)).rejects.toMatchObject({
      code: "context-overflow",
      message:
        "The preference prompt and the answer have 4 + 5 tokens; toy reads at most 8. " +
        "Shorten one of them or take a model with a longer context.",
    });
    await expect(scoreAnswer(model, prompts, [1], [])).rejects.toMatchObject({
      code: "bad-request",
      message: "There is no method to score with: give one.",
    });
    expect((await scoreAnswer(model, prompts, [1, 1, 1, 1], methods))[0]!.logProbabilities).toHaveLength(4);
  });
});
