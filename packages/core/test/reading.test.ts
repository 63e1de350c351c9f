import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkPrompt, type PrefillProgress, prefill } from "../src/port/reading.js";
import type { TokenRow } from "../src/port/session.js";

withoutLeaks(backendUnderTest("cpu"));

const model = (contextLength = 5000) =>
  new ToyModel(
    (row) => [row.length, row.at(-1)!, row.reduce((sum, id) => sum + id, 0) % 97],
    3,
    new Set(),
    contextLength,
  );

const rowOf = (length: number): TokenRow => Array.from({ length }, (_, i) => i % 3);

test("prompts are read whole, in passes of at most 128 tokens a row, as few as the shortest row lets be", async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(lengths, async (lengths) => {
      const toy = model();
      const session = toy.openSession(lengths.length);
      const told: PrefillProgress[] = [];
      const prompts = lengths.map(rowOf);
      const { logits_RC } = await prefill(session, prompts, {
        onProgress: (progress) => told.push(progress),
      });
      expect(await logits_RC.array()).toEqual(prompts.map((row) => toy.next(row)));
      logits_RC.dispose();
      await session.dispose();
      const passes = toy.lengths;
      const fewest = Math.min(Math.ceil(Math.max(...lengths) / 128), ...lengths);
      expect(passes).toHaveLength(fewest);
      for (const pass of passes) expect(Math.min(...pass)).toBeGreaterThan(0);
      if (fewest === Math.ceil(Math.max(...lengths) / 128))
        expect(Math.max(...passes.flat())).toBeLessThanOrEqual(128);
      const total = lengths.reduce((sum, length) => sum + length, 0);
      let done = 0;
      const expected = passes.map((pass) => {
        done += pass.reduce((sum, length) => sum + length, 0);
        return { done, total };
      });
      expect(told).toEqual(expected);
      expect(done).toBe(total);
    }),
    { seed: 62, numRuns: 40 },
  );
});

test("between two passes the event loop runs, so that an abort is heard", async () => {
  // A pass of 128 tokens takes 26 ms or more, longer than the host is kept waiting.
  const toy = new ToyModel(
    (row) => {
      const end = performance.now() + 0.2;
      while (performance.now() < end);
      return [row.length, 0, 1];
    },
    3,
    new Set(),
    5000,
  );
  const session = toy.openSession(1);
  const abort = new AbortController();
  const reason = new Error("enough");
  setTimeout(() => abort.abort(reason));
  await expect(prefill(session, [rowOf(1000)], { signal: abort.signal })).rejects.toMatchObject({
    code: "aborted",
    message: "The answer was interrupted.",
    cause: reason,
  });
  expect(toy.lengths.length).toBeLessThan(8);
  await session.dispose();
});

test("no prompt at all is refused", async () => {
  const session = model().openSession(0);
  await expect(prefill(session, [])).rejects.toMatchObject({
    code: "bad-request",
    message: "There is no prompt to read: give at least one row of tokens.",
  });
  await session.dispose();
});

test.each<[TokenRow, string, string]>([
  [[], "bad-request", "The base prompt is empty: it needs at least one token."],
  [[1, 3], "bad-request", "The base prompt holds the token id 3; toy has ids from 0 to 2."],
  [[-1], "bad-request", "The base prompt holds the token id -1; toy has ids from 0 to 2."],
  [[0.5], "bad-request", "The base prompt holds the token id 0.5; toy has ids from 0 to 2."],
  [
    [1, 1, 1, 1],
    "context-overflow",
    "The base prompt has 4 tokens and toy reads at most 4, of which at least one is for the answer. " +
      "Shorten the prompt or take a model with a longer context.",
  ],
])("the prompt %j is refused with %s", (prompt, code, message) => {
  expect(() => checkPrompt(model(4), prompt, "base")).toThrow(expect.objectContaining({ code, message }));
});

test("a prompt of the model's own ids that leaves room for a token is none of these", () => {
  checkPrompt(model(4), [0, 2, 1], "base");
});
