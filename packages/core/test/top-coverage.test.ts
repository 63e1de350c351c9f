/** Engines that give the most probable tokens: what is exact, what is bounded, and what is refused by name. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { TopModel } from "@amulet-ts/testing/models/top-model";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import { oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  amuletExactMethod,
  amuletMethod,
  baseMethod,
  beamSearch,
  boundedMethod,
  chooseGreedily,
  createChooser,
  type DecodeEvent,
  type DecodeRequest,
  decode,
  type LanguageModel,
  preferenceMethod,
  scoreAnswer,
  withMinP,
  withPlausibility,
  withTopNSigma,
} from "../src/index.js";

withoutLeaks("cpu");

const V = 40;

const peaked = hashedLogits(V, 9, 0.05);

const request = (change: Partial<DecodeRequest> = {}): DecodeRequest => ({
  base: [1, 2],
  preference: [1, 2, 3],
  method: boundedMethod(0.2),
  choose: chooseGreedily,
  maxNewTokens: 8,
  ...change,
});

const whole = () => new ToyModel(peaked, V);
const top = (best: number) => new TopModel(whole(), best);

async function collect(model: LanguageModel, asked: DecodeRequest): Promise<DecodeEvent[]> {
  const events: DecodeEvent[] = [];
  for await (const event of decode(model, [asked])) events.push(event);
  return events;
}

const idsOf = (events: readonly DecodeEvent[]) =>
  events.flatMap((event) => (event.type === "token" ? [event.id] : []));

const anyPrompts = fc.record({
  base: fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 1, maxLength: 4 }),
  preference: fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 1, maxLength: 4 }),
});

test("what greedy base and pref choose, and its probability, is the whole vocabulary's", async () => {
  await fc.assert(
    fc.asyncProperty(anyPrompts, fc.integer({ min: 1, max: 10 }), async (prompts, best) => {
      for (const method of [baseMethod(), preferenceMethod()]) {
        const [few, all] = [top(best), whole()].map((model) =>
          collect(model, request({ ...prompts, method })),
        );
        const events = await few!;
        expect(idsOf(events)).toEqual(idsOf(await all!));
        for (const [i, event] of (await all!).entries()) {
          const other = events[i]!;
          if (event.type === "token" && other.type === "token")
            expect(other.logProbability).toBeCloseTo(event.logProbability, 4);
        }
      }
    }),
    { seed: 1, numRuns: 40 },
  );
});

test("a mask's policy is the whole vocabulary's where its tokens were given, and refused where they may not be", async () => {
  let exact = 0;
  let refused = 0;
  const masked = [
    withMinP(amuletMethod(), 0.1),
    withPlausibility(amuletMethod(), 0.8),
    withMinP(withPlausibility(amuletExactMethod(), 0.9), 0.05),
  ];
  await fc.assert(
    fc.asyncProperty(
      anyPrompts,
      fc.constantFrom(...masked),
      fc.constantFrom(2, 5, 10, 20),
      async (prompts, method, best) => {
        const expected = await collect(whole(), request({ ...prompts, method, maxNewTokens: 3 }));
        try {
          const events = await collect(top(best), request({ ...prompts, method, maxNewTokens: 3 }));
          expect(idsOf(events)).toEqual(idsOf(expected));
          exact++;
        } catch (error) {
          if (!(error instanceof Error && "code" in error)) throw error;
          expect(error).toMatchObject({ code: "not-covered", message: expect.stringContaining(method.name) });
          refused++;
        }
      },
    ),
    { seed: 2, numRuns: 120 },
  );
  expect(exact).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(5);
});

test("bounded Amulet stays within its budget and the mass that was not seen, of which every token tells", async () => {
  const nats = 0.2;
  await fc.assert(
    fc.asyncProperty(anyPrompts, fc.integer({ min: 2, max: 20 }), async (prompts, best) => {
      const events = await collect(
        top(best),
        request({ ...prompts, method: boundedMethod(nats), explain: true, maxNewTokens: 4 }),
      );
      const said: number[] = [];
      for (const event of events) {
        if (event.type !== "token") continue;
        const [base, preference] = [prompts.base, prompts.preference].map((row) =>
          oracles.logSoftmax(peaked([...row, ...said])),
        );
        const columns = new Set([base!, preference!].flatMap((row) => bestOf(row, best)));
        const massOf = (row: ArrayLike<number>) =>
          [...columns].reduce((sum, id) => sum + Math.exp(row[id]!), 0);
        expect(event.seen!.base).toBeCloseTo(massOf(base!), 5);
        expect(event.seen!.preference).toBeCloseTo(massOf(preference!), 5);
        const bound = nats - Math.log(event.seen!.preference);
        expect(event.explanation!.klFromPreference).toBeLessThanOrEqual(bound + 1e-4);
        // What is told of a token is the whole vocabulary's.
        expect(event.explanation!.id).toBe(event.id);
        expect(event.explanation!.baseProbability).toBeCloseTo(Math.exp(base![event.id]!), 5);
        expect(event.explanation!.preferenceProbability).toBeCloseTo(Math.exp(preference![event.id]!), 5);
        said.push(event.id);
      }
    }),
    { seed: 3, numRuns: 40 },
  );
});

function bestOf(row: ArrayLike<number>, count: number): number[] {
  return Array.from(row, (_, id) => id)
    .sort((a, b) => row[b]! - row[a]!)
    .slice(0, count);
}

test("penalties, bans and end tokens are known by their ids, wherever their columns are", async () => {
  const change = { method: preferenceMethod(), maxNewTokens: 12 };
  const sampling = { repetitionPenalty: 3, presencePenalty: 0.5 };
  const free = idsOf(await collect(whole(), request({ ...change, choose: createChooser(sampling) })));
  const bannedTokens = free.slice(0, 2);
  for (const options of [sampling, { ...sampling, bannedTokens }]) {
    // With every token given, in an order of its own.
    const asked = request({ ...change, choose: createChooser(options) });
    const few = idsOf(await collect(top(V - 1), asked));
    expect(few).toEqual(idsOf(await collect(whole(), asked)));
    if ("bannedTokens" in options) for (const id of bannedTokens) expect(few).not.toContain(id);
  }
});

test.each([
  ["amulet", amuletMethod()],
  ["amulet-exact", amuletExactMethod()],
  ["amulet+top-n-sigma", withTopNSigma(amuletMethod(), 1)],
  ["pref+top-n-sigma", withTopNSigma(preferenceMethod(), 1)],
  ["mine", { name: "mine", reads: "both", policy: amuletMethod().policy } as const],
])("%s needs the whole vocabulary, and says so before anything is read", async (name, method) => {
  const toy = whole();
  await expect(collect(new TopModel(toy, 20), request({ method }))).rejects.toMatchObject({
    code: "not-covered",
    message: expect.stringContaining(`the method ${name} needs all of them`),
  });
  expect([toy.tokensRead, toy.openSessions]).toEqual([0, 0]);
});

test.each([preferenceMethod(), withMinP(amuletMethod(), 0.1), boundedMethod(0.2)])(
  "so does a weighted preference, whatever method takes it: $name",
  async (method) => {
    const { preference, ...rest } = request({ method });
    const weighted = { ...rest, preferences: [{ tokens: preference!, weight: 3 }] };
    await expect(collect(top(20), weighted)).rejects.toMatchObject({
      code: "not-covered",
      message: expect.stringContaining("a weighted mixture of preferences needs all of them"),
    });
    expect(idsOf(await collect(top(V - 1), request({ method })))).toHaveLength(8);
  },
);

test("so do a beam search and scores", async () => {
  await expect(beamSearch(top(20), [1], { maxNewTokens: 3 })).rejects.toMatchObject({ code: "not-covered" });
  const prompts = { base: [1], preference: [2] };
  await expect(scoreAnswer(top(20), prompts, [3], [baseMethod()])).rejects.toMatchObject({
    code: "not-covered",
  });
});
