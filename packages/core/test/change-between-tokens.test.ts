import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  amuletMethod,
  baseMethod,
  type Change,
  chooseGreedily,
  type DecodeRequest,
  decode,
  guidanceMethod,
  preferenceMethod,
  strengthSchedule,
  type TokenRow,
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

async function tokensOf(model: ToyModel, requests: readonly DecodeRequest[]) {
  const tokens: number[][] = requests.map(() => []);
  for await (const event of decode(model, requests)) {
    if (event.type === "token") tokens[event.request]!.push(event.id);
  }
  return tokens;
}

/** What is in force before each token, and what one would write by hand: a new request for every token. */
async function afresh(one: DecodeRequest): Promise<number[]> {
  const said: number[] = [];
  let { method, preferences = [{ tokens: one.preference! }] } = one;
  for (let token = 0; token < one.maxNewTokens; token++) {
    const change = one.beforeToken?.(said);
    method = change?.method ?? method;
    preferences = change?.preferences ?? preferences;
    const alone: DecodeRequest = {
      base: [...one.base, ...said],
      preferences: preferences.map(({ tokens, ...rest }) => ({ tokens: [...tokens, ...said], ...rest })),
      method,
      choose: one.choose,
      maxNewTokens: 1,
    };
    const [[next]] = (await tokensOf(new ToyModel(tangled, 12), [alone])) as [[number]];
    said.push(next);
  }
  return said;
}

const prompt = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 });
const method = fc.constantFrom(baseMethod(), preferenceMethod(), amuletMethod(), guidanceMethod(-1));
const preferences = fc.array(fc.record({ tokens: prompt, weight: fc.constantFrom(1, -0.5, 2) }), {
  minLength: 1,
  maxLength: 3,
});
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ method }),
  fc.record({ preferences }),
  fc.record({ method, preferences }),
);
const changing = fc
  .record({
    base: prompt,
    preference: prompt,
    method,
    maxNewTokens: fc.integer({ min: 1, max: 7 }),
    changes: fc.dictionary(fc.constantFrom("0", "1", "2", "4"), change),
  })
  .map(({ changes, ...rest }) => request({ ...rest, beforeToken: ({ length }) => changes[length] }));

test("an answer whose method and preferences change is the answer begun afresh at every token", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(changing, { minLength: 1, maxLength: 3 }), async (requests) => {
      const together = await tokensOf(new ToyModel(tangled, 12), requests);
      for (const [i, one] of requests.entries()) expect(together[i]).toEqual(await afresh(one));
    }),
    { seed: 11, numRuns: 150 },
  );
});

test("a change of strength reads no prompt again", async () => {
  const model = new ToyModel(tangled, 12);
  await tokensOf(model, [request({ beforeToken: strengthSchedule("1:0..3, 5.6:3..").beforeToken })]);
  expect(model.tokensRead).toBe(5 + 2 * 7);
});

test("a changed preference reads from the first token that differs, in the pass of the others' next token", async () => {
  const model = new ToyModel(tangled, 12);
  const changed = { preferences: [{ tokens: [1, 2, 3, 4, 6, 7] }] };
  await tokensOf(model, [
    request({
      base: [1, 2],
      preference: [1, 2, 3, 4, 5],
      beforeToken: ({ length }) => (length === 3 ? changed : undefined),
    }),
  ]);
  // Two prompts, seven next tokens of both rows; in the pass that brings the change, the preference row reads
  // 6, 7 and the three tokens of the answer instead of one token.
  expect(model.tokensRead).toBe(7 + 2 * 7 + 4);
  expect(model.batches).toEqual(Array(8).fill(2));
});

test("a prompt that the new method reads for the first time goes on from the row that shares most with it", async () => {
  const model = new ToyModel(tangled, 12);
  const common: TokenRow = [1, 2, 3, 4, 5, 6];
  const method = amuletMethod();
  await tokensOf(model, [
    request({
      base: common,
      preference: [...common, 7],
      method: baseMethod(),
      beforeToken: ({ length }) => (length === 2 ? { method } : undefined),
      maxNewTokens: 4,
    }),
  ]);
  expect(model.tokensRead).toBe(6 + 1 + (1 + 3) + 2);
  expect(model.batches).toEqual([1, 1, 2, 2]);
});

test("saying the same preference again reads nothing again", async () => {
  const model = new ToyModel(tangled, 12);
  await tokensOf(model, [request({ beforeToken: () => ({ preferences: [{ tokens: [1, 2, 3] }] }) })]);
  expect(model.tokensRead).toBe(5 + 2 * 7);
});

test("the caller can change its mind while it reads the answer", async () => {
  const model = new ToyModel(tangled, 12);
  let next: Change | undefined;
  const lengths: number[] = [];
  const one = request({
    beforeToken: ({ length }) => {
      lengths.push(length);
      return next;
    },
  });
  const said: number[] = [];
  for await (const event of decode(model, [one])) {
    if (event.type === "token") said.push(event.id);
    if (said.length === 4) next = { method: baseMethod() };
  }
  const base = tangled([1, 2, ...said.slice(0, 4)]);
  expect(said[4]).toBe(base.indexOf(Math.max(...base)));
  expect(lengths).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test.each<[string, Change, string]>([
  ["without room in the context", { preferences: [{ tokens: Array(18).fill(1) }] }, "at most 20"],
  ["with an id outside the vocabulary", { preferences: [{ tokens: [99] }] }, "ids from 0 to 11"],
  ["to no preference at all", { preferences: [] }, "There is no preference prompt"],
])("a change %s is refused, and nothing is left behind", async (_, change, sentence) => {
  const model = new ToyModel(tangled, 12, new Set(), 20);
  const late = request({ beforeToken: ({ length }) => (length === 2 ? change : undefined) });
  await expect(tokensOf(model, [late])).rejects.toThrow(sentence);
  expect(model.openSessions).toBe(0);
});
