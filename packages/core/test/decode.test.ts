import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { type NextLogits, ToyModel } from "@amulet-ts/testing/models/toy-model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  amuletExactMethod,
  amuletMethod,
  baseMethod,
  chooseGreedily,
  createChooser,
  type DecodeEvent,
  type DecodeRequest,
  decode,
  linearAlignmentMethod,
  type Method,
  preferenceMethod,
} from "../src/index.js";

withoutLeaks(backendUnderTest("cpu"));

const tangled = hashedLogits(12);

const request = (change: Partial<DecodeRequest> = {}): DecodeRequest => ({
  base: [1, 2],
  preference: [1, 2, 3],
  method: amuletMethod(),
  choose: chooseGreedily,
  maxNewTokens: 8,
  ...change,
});

async function collect(model: ToyModel, requests: readonly DecodeRequest[], signal?: AbortSignal) {
  const events: DecodeEvent[] = [];
  for await (const event of decode(model, requests, signal ? { signal } : {})) events.push(event);
  return events;
}

const tokensOf = (events: readonly DecodeEvent[], index = 0) =>
  events.flatMap((event) => (event.type === "token" && event.request === index ? [event.id] : []));
const reasonsOf = (events: readonly DecodeEvent[]) =>
  events.flatMap((event) => (event.type === "end" ? [`${event.request} ${event.reason}`] : []));

test("greedy Amulet takes the arg-max of pref + γ (pref − base) of the rows so far", async () => {
  const model = new ToyModel(tangled, 12);
  const tokens = tokensOf(await collect(model, [request()]));
  const said: number[] = [];
  for (const token of tokens) {
    const [base, preference] = [tangled([1, 2, ...said]), tangled([1, 2, 3, ...said])];
    const scores = preference.map((value, i) => value + 4.648699006951202 * (value - base[i]!));
    expect(token).toBe(scores.indexOf(Math.max(...scores)));
    said.push(token);
  }
  expect(tokens).toHaveLength(8);
});

test("answers side by side are the answers alone", async () => {
  const methods: Method[] = [
    baseMethod(),
    preferenceMethod(),
    linearAlignmentMethod(),
    amuletMethod(),
    amuletExactMethod(),
  ];
  const prompt = fc.array(fc.integer({ min: 0, max: 11 }), { minLength: 1, maxLength: 6 });
  const any = fc.record({
    base: prompt,
    preference: prompt,
    method: fc.constantFrom(...methods),
    maxNewTokens: fc.integer({ min: 1, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(any, { minLength: 1, maxLength: 5 }), async (changes) => {
      const requests = changes.map((change) => request(change));
      const together = await collect(new ToyModel(tangled, 12, new Set([5])), requests);
      for (const [index, one] of requests.entries()) {
        const alone = await collect(new ToyModel(tangled, 12, new Set([5])), [one]);
        expect(tokensOf(together, index)).toEqual(tokensOf(alone));
      }
    }),
    { seed: 8, numRuns: 60 },
  );
});

test("the exact loop and the collapsed form choose the same tokens", async () => {
  const events = await collect(new ToyModel(tangled, 12), [
    request(),
    request({ method: amuletExactMethod() }),
  ]);
  expect(tokensOf(events, 1)).toEqual(tokensOf(events, 0));
});

test("a prompt that several requests share is read once", async () => {
  const model = new ToyModel(tangled, 12);
  await collect(model, [
    request({ maxNewTokens: 1 }),
    request({ maxNewTokens: 1, method: linearAlignmentMethod() }),
  ]);
  expect(model.tokensRead).toBe(5);
});

test("a row that has ended stays ended and leaves the batch", async () => {
  // Rows that begin with 0 say the end token 3 after two tokens, all others talk on.
  const next: NextLogits = (row) => [0, row[0] === 0 ? 0 : 9, 1, row[0] === 0 && row.length > 3 ? 20 : -20];
  const model = new ToyModel(next, 4, new Set([3]));
  const short = request({ base: [0, 1], method: baseMethod() });
  const long = request({ base: [1, 1], method: baseMethod() });
  const events = await collect(model, [long, short]);
  expect(tokensOf(events, 1)).toHaveLength(2);
  expect(tokensOf(events, 0)).toEqual(Array(8).fill(1));
  expect(reasonsOf(events)).toEqual(["1 stop", "0 length"]);
  expect(model.batches.slice(1)).toEqual([2, 2, 1, 1, 1, 1, 1]);
  const end = events.findIndex((event) => event.type === "end" && event.request === 1);
  expect(events.slice(end + 1).every((event) => event.request === 0)).toBe(true);
});

test("the context's end ends an answer", async () => {
  const model = new ToyModel(tangled, 12, new Set(), 6);
  const events = await collect(model, [request()]);
  expect(tokensOf(events)).toHaveLength(3);
  expect(reasonsOf(events)).toEqual(["0 length"]);
});

test("the same seed gives the same tokens, another seed others", async () => {
  const sample = async (seed: number) =>
    tokensOf(
      await collect(new ToyModel(tangled, 12), [
        request({ choose: createChooser({ seed, temperature: 2 }), maxNewTokens: 30 }),
      ]),
    );
  expect(await sample(1)).toEqual(await sample(1));
  expect(await sample(1)).not.toEqual(await sample(2));
});

describe("nothing is left behind", () => {
  test("over 200 tokens", async () => {
    const model = new ToyModel(tangled, 12);
    await collect(model, [request({ maxNewTokens: 200 })]);
    expect(model.openSessions).toBe(0);
  });

  test("when the caller leaves the loop", async () => {
    const model = new ToyModel(tangled, 12);
    for await (const _ of decode(model, [request()])) break;
    expect(model.openSessions).toBe(0);
  });

  test("when it is aborted", async () => {
    const model = new ToyModel(tangled, 12);
    const abort = new AbortController();
    const events: DecodeEvent[] = [];
    const run = async () => {
      for await (const event of decode(model, [request()], { signal: abort.signal })) {
        events.push(event);
        if (events.length === 3) abort.abort();
      }
    };
    await expect(run()).rejects.toMatchObject({ code: "aborted" });
    expect(tokensOf(events)).toHaveLength(3);
    expect(model.openSessions).toBe(0);
  });

  test("when the model's logits are not numbers", async () => {
    const model = new ToyModel(() => [Number.NaN, 1], 2);
    await expect(collect(model, [request({ base: [1], preference: [1] })])).rejects.toMatchObject({
      code: "not-finite",
    });
    expect(model.openSessions).toBe(0);
  });
});

test.each<[string, Partial<DecodeRequest>, string]>([
  ["an empty prompt", { base: [] }, "base prompt is empty"],
  ["an id outside the vocabulary", { preference: [12] }, "ids from 0 to 11"],
  ["a prompt as long as the context", { base: Array(40).fill(1) }, "at most 40"],
  ["no token to generate", { maxNewTokens: 0 }, "maxNewTokens"],
])("%s is refused", async (_, change, sentence) => {
  await expect(collect(new ToyModel(tangled, 12, new Set(), 40), [request(change)])).rejects.toThrow(
    sentence,
  );
});
