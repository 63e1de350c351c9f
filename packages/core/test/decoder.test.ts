/** Answers join and leave between two tokens, share what they have in common, and never notice each other. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest, casesOn } from "@amulet-ts/testing/backends/under-test";
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { type NextLogits, ToyModel } from "@amulet-ts/testing/models/toy-model";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import {
  amuletMethod,
  baseMethod,
  boundedMethod,
  type Choose,
  chooseGreedily,
  createChooser,
  type DecodeEvent,
  type DecodeRequest,
  Decoder,
  decode,
  linearAlignmentMethod,
  preferenceMethod,
} from "../src/index.js";

withoutLeaks(backendUnderTest("cpu"));

const V = 12;

const tangled = hashedLogits(V);

const request = (change: Partial<DecodeRequest> = {}): DecodeRequest => ({
  base: [1, 2],
  preference: [1, 2, 3],
  method: amuletMethod(),
  choose: chooseGreedily,
  maxNewTokens: 6,
  ...change,
});

async function collect(model: ToyModel, requests: readonly DecodeRequest[]): Promise<DecodeEvent[]> {
  const events: DecodeEvent[] = [];
  for await (const event of decode(model, requests)) events.push(event);
  return events;
}

const idsOf = (events: readonly DecodeEvent[]) =>
  events.map((event) => (event.type === "token" ? event.id : event.reason));

/** Methods are shared, so that answers of one kind are one batch. */
const methods = [
  baseMethod(),
  preferenceMethod(),
  linearAlignmentMethod(),
  amuletMethod(),
  boundedMethod(0.2),
];

// Few tokens, so that prompts often begin alike or are the same.
const prompt = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 5 });
const anyRequest = fc.record({
  base: prompt,
  preference: prompt,
  method: fc.constantFrom(...methods),
  maxNewTokens: fc.integer({ min: 1, max: 6 }),
  /** Steps before it joins, and after which it is sent away, if ever. */
  joins: fc.integer({ min: 0, max: 5 }),
  leaves: fc.option(fc.integer({ min: 1, max: 5 })),
  changes: fc.option(fc.record({ at: fc.integer({ min: 0, max: 3 }), preference: prompt })),
});

type Planned = typeof anyRequest extends fc.Arbitrary<infer T> ? T : never;

const toRequest = ({ base, preference, method, maxNewTokens, changes }: Planned): DecodeRequest =>
  request({
    base,
    preference,
    method,
    maxNewTokens,
    ...(changes && {
      beforeToken: ({ length }) =>
        length === changes.at ? { preferences: [{ tokens: changes.preference }] } : undefined,
    }),
  });

/** Runs answers that come and go, and says what each of them said. */
async function runPlan(plans: readonly Planned[]): Promise<(number | string)[][]> {
  const decoder = new Decoder(new ToyModel(tangled, V, new Set([5])));
  const said = plans.map((): DecodeEvent[] => []);
  const planOf: number[] = [];
  const lasts = plans.map(({ joins, leaves }) => joins + (leaves ?? 99));
  for (let step = 0; step <= 5 || !decoder.isIdle; step++) {
    for (const [i, plan] of plans.entries()) {
      if (plan.joins === step) planOf[decoder.join(toRequest(plan))] = i;
      if (lasts[i] === step) decoder.leave(planOf.indexOf(i));
    }
    for (const event of await decoder.step()) said[planOf[event.request]!]!.push(event);
  }
  await decoder.dispose();
  return said.map(idsOf);
}

test("an answer is the same whoever joins, leaves or changes its mind beside it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRequest, { minLength: 1, maxLength: 5 }), async (plans) => {
      const together = await runPlan(plans);
      for (const [i, plan] of plans.entries()) {
        const alone = await collect(new ToyModel(tangled, V, new Set([5])), [toRequest(plan)]);
        const steps = plan.leaves ?? 99;
        const tokens = alone.slice(0, steps);
        // The end of an answer comes with its last token, or alone in a step of its own.
        const expected = idsOf(steps < alone.length && alone[steps]?.type === "end" ? alone : tokens);
        const got = together[i]!;
        if (plan.leaves === null) expect(got).toEqual(idsOf(alone));
        else expect(expected.slice(0, got.length)).toEqual(got);
      }
    }),
    { seed: 16, numRuns: casesOn(100) },
  );
});

test("answers that agree so far are one row of a pass, and fork where they part", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRequest, { minLength: 2, maxLength: 5 }), async (plans) => {
      const requests = plans.map((plan) => toRequest({ ...plan, changes: null }));
      const model = new ToyModel(tangled, V, new Set([5]));
      const events = await collect(model, requests);
      const said = requests.map((_, i) =>
        events.flatMap((event) => (event.request === i && event.type === "token" ? [event.id] : [])),
      );
      const ended = (i: number) => events.some((event) => event.request === i && event.type === "end");
      expect(requests.every((_, i) => ended(i))).toBe(true);
      for (const [pass, rows] of model.batches.entries()) {
        const read = requests.flatMap(({ method, base, preference }, i) => {
          // An answer of n tokens reads n passes, and one more to find its end token.
          const isCut = events.some(
            (event) => event.request === i && event.type === "end" && event.reason === "length",
          );
          if (pass >= said[i]!.length + (isCut ? 0 : 1)) return [];
          const tokens = said[i]!.slice(0, pass);
          const prompts = [
            ...(method.reads === "preference" ? [] : [base]),
            ...(method.reads === "base" ? [] : [preference!]),
          ];
          return prompts.map((row) => [...row, ...tokens].join());
        });
        // Rows of prompts that are equal but for a token that the other answer has said are two rows.
        expect(rows).toBeGreaterThanOrEqual(new Set(read).size);
        expect(rows).toBeLessThanOrEqual(read.length);
        if (pass === 0) expect(rows).toBe(new Set(read).size);
      }
    }),
    { seed: 17, numRuns: casesOn(60) },
  );
});

test("several methods on one question read what they agree on once", async () => {
  // Whatever is asked, the answer is 4 4 4 …
  const model = new ToyModel(() => Array.from({ length: V }, (_, id) => (id === 4 ? 9 : 0)), V);
  await collect(
    model,
    methods.map((method) => request({ method })),
  );
  expect(model.batches).toEqual(Array(6).fill(2));
});

test("a long prompt is read in pieces while the others go on, a token each for every step", async () => {
  const model = new ToyModel(tangled, V, new Set(), 5000);
  const decoder = new Decoder(model);
  decoder.join(request({ maxNewTokens: 20 }));
  await decoder.step();
  const long = Array.from({ length: 500 }, (_, i) => i % V);
  decoder.join(request({ base: [...long, 1], preference: [...long, 2, 3] }));
  const steps: string[][] = [];
  for (let i = 0; i < 6; i++)
    steps.push((await decoder.step()).map(({ request, type }) => `${request} ${type}`));
  // What both prompts begin with, in four pieces; then the rest of each.
  expect(steps.slice(0, 4)).toEqual(Array(4).fill(["0 token"]));
  expect(steps.slice(4)).toEqual(Array(2).fill(["0 token", "1 token"]));
  for (const pass of model.lengths) expect(Math.max(...pass)).toBeLessThanOrEqual(128);
  await decoder.dispose();
});

test("what a prompt shares with one that is there is not read again", async () => {
  const model = new ToyModel(tangled, V, new Set(), 5000);
  const decoder = new Decoder(model);
  const long = Array.from({ length: 100 }, (_, i) => i % V);
  decoder.join(request({ base: long, preference: [...long, 1], maxNewTokens: 20 }));
  // The beginning of both is read once.
  await decoder.step();
  expect(model.tokensRead).toBe(99);
  await decoder.step();
  const before = model.tokensRead;
  decoder.join(request({ base: [...long.slice(0, 90), 3], preference: [...long, 1, 5] }));
  await decoder.step();
  // Two rows go on by a token; of the new ones, what comes after the 90th token, and after the 101st.
  expect(model.tokensRead - before).toBe(2 + 1 + 1);
  await decoder.dispose();
});

test("a request that is refused leaves the others as they are", async () => {
  const decoder = new Decoder(new ToyModel(tangled, V));
  decoder.join(request());
  expect(() => decoder.join(request({ base: [] }))).toThrow(expect.objectContaining({ code: "bad-request" }));
  expect((await decoder.step()).map((event) => event.request)).toEqual([0]);
  expect(decoder.join(request())).toBe(1);
  expect((await decoder.step()).map((event) => event.request)).toEqual([0, 1]);
  await decoder.dispose();
  expect(decoder.isIdle).toBe(true);
  expect(await decoder.step()).toEqual([]);
});

test("choosing greedily on the device is choosing greedily on the host", async () => {
  const onHost: Choose = (row_C, context) => chooseGreedily(row_C, context);
  const logits = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 4, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.array(logits, { minLength: 5, maxLength: 5 }), async (rows) => {
      const next: NextLogits = (row) => rows[(row.length + row.at(-1)!) % 5]!;
      const run = (choose: Choose) =>
        collect(
          new ToyModel(next, 4),
          methods.map((method) => request({ method, choose })),
        );
      const [device, host] = [await run(chooseGreedily), await run(onHost)];
      expect(idsOf(device)).toEqual(idsOf(host));
      for (const [i, event] of device.entries()) {
        const other = host[i]!;
        if (event.type === "token" && other.type === "token")
          expect(event.logProbability).toBeCloseTo(other.logProbability, 5);
      }
    }),
    { seed: 18, numRuns: casesOn(40) },
  );
});

test("a greedy step reads a few numbers to the host; one that is explained, or draws, whole rows", async () => {
  const sizes: number[] = [];
  const read = tf.Tensor.prototype.data;
  const spy = vi.spyOn(tf.Tensor.prototype, "data").mockImplementation(function (this: tf.Tensor) {
    sizes.push(this.size);
    return read.call(this) as never;
  });
  try {
    const mostRead = async (change: Partial<DecodeRequest>) => {
      sizes.length = 0;
      await collect(new ToyModel(tangled, V), [request(change)]);
      return Math.max(...sizes);
    };
    expect(await mostRead({})).toBe(1);
    expect(await mostRead({ choose: createChooser() })).toBe(1);
    expect(await mostRead({ reportDrift: true })).toBe(1);
    expect(await mostRead({ explain: true })).toBe(V);
    expect(await mostRead({ choose: createChooser({ temperature: 1 }) })).toBe(V);
  } finally {
    spy.mockRestore();
  }
});

test("the drift of a token is KL(π ‖ π_pref) of the policy it was chosen from", async () => {
  const events = await collect(new ToyModel(tangled, V), [
    request({ reportDrift: true, explain: true }),
    request({ method: boundedMethod(0.1), reportDrift: true, explain: true }),
    request({ method: baseMethod(), reportDrift: true, explain: true }),
    request({ method: preferenceMethod(), reportDrift: true, explain: true }),
    request({ explain: true }),
  ]);
  const tokens = events.flatMap((event) => (event.type === "token" ? [event] : []));
  for (const { request, drift, explanation } of tokens) {
    if (request === 4) expect(drift).toBeUndefined();
    else expect(drift).toBeCloseTo(explanation!.klFromPreference, 4);
    if (request === 1) expect(drift).toBeLessThanOrEqual(0.1 + 1e-5);
  }
});

test("the rows of a token are both prompts' log-policies after the answer so far, and decide it", async () => {
  const methods = [amuletMethod(), baseMethod(), preferenceMethod()];
  const events = await collect(
    new ToyModel(tangled, V),
    methods.map((method) => request({ method, reportRows: true })),
  );
  for (const [index, { guidanceScale }] of methods.entries()) {
    const said: number[] = [];
    for (const event of events) {
      if (event.request !== index || event.type !== "token") continue;
      const { logBase_V, logPreference_V } = event.rows!;
      for (const [row, prompt] of [[logBase_V, [1, 2]] as const, [logPreference_V, [1, 2, 3]] as const]) {
        const expected = logSoftmax(tangled([...prompt, ...said]));
        for (const [i, value] of row.entries()) expect(value).toBeCloseTo(expected[i]!, 4);
      }
      const scores = Array.from(logBase_V, (b, i) => b + guidanceScale! * (logPreference_V[i]! - b));
      expect(scores.indexOf(Math.max(...scores))).toBe(event.id);
      said.push(event.id);
    }
    expect(said).toHaveLength(6);
  }
  const [plain] = await collect(new ToyModel(tangled, V), [request()]);
  expect(plain).not.toHaveProperty("rows");
});

function logSoftmax(logits: readonly number[]): number[] {
  const logZ = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
  return logits.map((value) => value - logZ);
}

test.each([undefined, null, Number.NaN, -1, 0.5, V, "3"])(
  "a choice of %o is refused, and nothing is left",
  async (choice) => {
    const model = new ToyModel(tangled, V);
    const choose = (() => choice) as unknown as Choose;
    await expect(collect(model, [request({ choose })])).rejects.toMatchObject({
      code: "bad-request",
      message: `The chooser must return the number of an entry of the policy, from 0 to 11; it returned ${typeof choice === "string" ? `"${choice}"` : choice}.`,
    });
    expect(model.openSessions).toBe(0);
  },
);

test("a callback that throws ends the answer with its error, and leaves nothing", async () => {
  const model = new ToyModel(tangled, V);
  const onProgress = () => {
    throw new Error("no more");
  };
  const run = async () => {
    for await (const _ of decode(model, [request()], { onProgress }));
  };
  await expect(run()).rejects.toThrow("no more");
  expect(model.openSessions).toBe(0);
});

test.each(["base", "preference"] as const)(
  "undefined among the ids of the %s prompt is refused",
  async (name) => {
    const ids = [1, undefined as unknown as number, 2];
    await expect(collect(new ToyModel(tangled, V), [request({ [name]: ids })])).rejects.toMatchObject({
      code: "bad-request",
      message: `The ${name} prompt holds the token id undefined; toy has ids from 0 to 11.`,
    });
  },
);
