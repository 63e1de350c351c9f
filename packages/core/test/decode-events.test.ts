/** What the generation loop tells of each token, in which order, and what it reads for it. */

import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { type NextLogits, ToyModel } from "@amulet-ts/testing/models/toy-model";
import { oracles } from "@amulet-ts/verify";
import { expect, test } from "vitest";
import {
  amuletMethod,
  baseMethod,
  boundedMethod,
  chooseGreedily,
  type DecodeEvent,
  type DecodeRequest,
  decode,
  type Method,
} from "../src/index.js";

withoutLeaks("cpu");

/** Logits that depend on the last token and on whether the row is a preference row, which begins with 9. */
const next: NextLogits = (row) =>
  Array.from({ length: 10 }, (_, i) => Math.sin(3 * i + row.at(-1)!) + (row[0] === 9 ? Math.cos(i) : 0));

const request = (method: Method, change: Partial<DecodeRequest> = {}): DecodeRequest => ({
  base: [1, 2],
  preference: [9, 1, 2],
  method,
  choose: chooseGreedily,
  maxNewTokens: 4,
  ...change,
});

async function collect(model: ToyModel, requests: readonly DecodeRequest[]): Promise<DecodeEvent[]> {
  const events: DecodeEvent[] = [];
  for await (const event of decode(model, requests)) events.push(event);
  return events;
}

test("tokens of a step come in the order of the requests, whichever methods share a batch", async () => {
  const [amulet, base] = [amuletMethod(), baseMethod()];
  const requests = [amulet, base, amulet, base].map((method) => request(method, { maxNewTokens: 2 }));
  const events = await collect(new ToyModel(next, 10), requests);
  const order = events.map(({ request, type }) => `${request} ${type}`);
  const tokens = [0, 1, 2, 3].map((index) => `${index} token`);
  expect(order).toEqual([...tokens, ...[0, 1, 2, 3].flatMap((index) => [`${index} token`, `${index} end`])]);
});

test("a token's log-probability is the method's, and γ is told where the method reports it", async () => {
  const [first] = await collect(new ToyModel(next, 10), [request(amuletMethod(), { maxNewTokens: 1 })]);
  const [base, preference] = [next([1, 2]), next([9, 1, 2])].map((row) => oracles.logSoftmax(row));
  const expected = oracles.tilt(base!, preference!, 4.648699006951202);
  if (first?.type !== "token") throw new Error("The first event is a token.");
  expect(first.logProbability).toBeCloseTo(expected[first.id]!, 5);
  expect(Object.keys(first).sort()).toEqual(["id", "logProbability", "request", "type"]);

  const [bounded] = await collect(new ToyModel(next, 10), [
    request(boundedMethod(0.05), { maxNewTokens: 1 }),
  ]);
  const gamma = oracles.largestGammaWithin(base!, preference!, { nats: 0.05, largestGamma: 4.65 });
  expect(bounded).toMatchObject({ type: "token", gamma: expect.closeTo(gamma, 2) });
});

test("a step reads one token for each row that is read, and nothing twice", async () => {
  const model = new ToyModel(next, 10);
  await collect(model, [request(amuletMethod()), request(baseMethod())]);
  // Base and preference prompt, 2 + 3 tokens; then three steps of three rows.
  expect(model.tokensRead).toBe(5 + 3 * 3);
  expect(model.batches.slice(1)).toEqual([3, 3, 3]);
});

test("answers are explained where asked for, with γ where the method is one number, and nowhere else", async () => {
  const requests = [
    request(amuletMethod(), { maxNewTokens: 1, explain: true }),
    request(amuletMethod(), { maxNewTokens: 1 }),
    request(boundedMethod(0.05), { maxNewTokens: 1, explain: { alternatives: 2 } }),
    request({ ...boundedMethod(0.05), policy: amuletMethod().policy }, { maxNewTokens: 1, explain: true }),
  ];
  const tokens = (await collect(new ToyModel(next, 10), requests)).filter(({ type }) => type === "token");
  const explanations = tokens.map((event) => (event.type === "token" ? event.explanation : undefined));
  expect(explanations.map((explanation) => explanation?.alternatives.length)).toEqual([5, undefined, 2, 5]);
  expect(explanations[0]?.gamma).toBeCloseTo(4.648699006951202, 12);
  const told = tokens[2]?.type === "token" ? tokens[2].gamma : undefined;
  expect(explanations[2]?.gamma).toBe(told);
  // A method that is no one number and reports none.
  expect(explanations[3]?.gamma).toBeUndefined();
});

test("an explanation that cannot be given is refused before anything is read", async () => {
  const model = new ToyModel(next, 10);
  const requests = [request(amuletMethod()), request(amuletMethod(), { explain: { alternatives: -1 } })];
  await expect(collect(model, requests)).rejects.toMatchObject({ code: "bad-request" });
  expect([model.tokensRead, model.openSessions]).toEqual([0, 0]);
});

test("a chooser sees the answer so far and the tokens that end one, and an end token is not told", async () => {
  const endTokens = new Set([7]);
  const seen: [number, ReadonlySet<number>][] = [];
  const chosen = [3, 4, 7];
  const choose: DecodeRequest["choose"] = (_, context) => {
    seen.push([context.generated.length, context.endTokens]);
    return chosen[context.generated.length]!;
  };
  const events = await collect(new ToyModel(next, 10, endTokens), [request(amuletMethod(), { choose })]);
  expect(seen).toEqual([0, 1, 2].map((length) => [length, endTokens]));
  expect(events.map((event) => (event.type === "token" ? event.id : event))).toEqual([
    3,
    4,
    { type: "end", request: 0, reason: "stop" },
  ]);
});

test("what the last step made is freed when the caller leaves in the middle of it", async () => {
  const model = new ToyModel(next, 10);
  const events = decode(model, [request(amuletMethod()), request(baseMethod())]);
  await events.next();
  await events.return();
  expect(model.openSessions).toBe(0);
});

test("nothing to answer is refused", async () => {
  await expect(collect(new ToyModel(next, 10), [])).rejects.toMatchObject({ code: "bad-request" });
});
