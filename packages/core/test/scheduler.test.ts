/** Answers come when they like, wait, grow side by side and go; none of them notices, none starves, nothing is left. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest, casesOn } from "@amulet-ts/testing/backends/under-test";
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import { loadFixture } from "@amulet-ts/testing/reference/checkpoints";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  amuletMethod,
  baseMethod,
  type Choose,
  chooseGreedily,
  createChooser,
  type DecodeEvent,
  type DecodeRequest,
  decode,
  type LanguageModel,
  preferenceMethod,
  type ScheduledAnswer,
  Scheduler,
} from "../src/index.js";

withoutLeaks(backendUnderTest("wasm"));

const V = 12;

const tangled = hashedLogits(V);

const toy = () => new ToyModel(tangled, V, new Set([5]), 2000);
const endless = () => new ToyModel(tangled, V, new Set(), 2000);
const long = (length: number, salt = 0) => Array.from({ length }, (_, i) => (i * (i + salt)) % V);

const request = (change: Partial<DecodeRequest> = {}): DecodeRequest => ({
  base: [1, 2],
  preference: [1, 2, 3],
  method: amuletMethod(),
  choose: chooseGreedily,
  maxNewTokens: 6,
  ...change,
});

const idsOf = (events: readonly DecodeEvent[]) =>
  events.map((event) => (event.type === "token" ? event.id : event.reason));

async function saidAlone(model: LanguageModel, asked: DecodeRequest) {
  const events: DecodeEvent[] = [];
  for await (const event of decode(model, [asked])) events.push(event);
  return idsOf(events);
}

async function saidBy(answer: ScheduledAnswer, most = Number.POSITIVE_INFINITY) {
  const events: DecodeEvent[] = [];
  for await (const event of answer) {
    events.push(event);
    if (events.length >= most) break;
  }
  return idsOf(events);
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

const methods = [baseMethod(), preferenceMethod(), amuletMethod()];
// Beginnings that are shared, of all sizes that matter: shorter than a stem, a pass, several passes.
const prompt = fc
  .tuple(
    fc.constantFrom(0, 3, 20, 60, 150, 300),
    fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 4 }),
  )
  .map(([length, rest]) => [...long(length), ...rest]);
const anyAnswer = fc.record({
  base: prompt,
  preference: prompt,
  method: fc.constantFrom(...methods),
  maxNewTokens: fc.integer({ min: 1, max: 8 }),
  seed: fc.option(fc.integer({ min: 0, max: 9 })),
  /** Turns of the event loop before it asks, and tokens after which it goes, if ever. */
  comes: fc.integer({ min: 0, max: 40 }),
  goes: fc.option(fc.integer({ min: 1, max: 5 })),
});
const anyBounds = fc.record({
  parallel: fc.integer({ min: 1, max: 4 }),
  heldTokens: fc.constantFrom(1, 100, 700, 16_000),
  prefixTokens: fc.constantFrom(0, 200, 4000),
});

test("an answer is the same token by token, whoever comes, waits, is read or goes beside it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyAnswer, { minLength: 1, maxLength: 7 }),
      anyBounds,
      async (answers, bounds) => {
        const model = toy();
        const scheduler = new Scheduler(model, bounds);
        const asked = answers.map(
          ({ seed, comes, goes, ...rest }) =>
            () =>
              request({ ...rest, ...(seed !== null && { choose: createChooser({ temperature: 1, seed }) }) }),
        );
        const said = await Promise.all(
          answers.map(async ({ comes, goes }, i) => {
            await turns(comes);
            return saidBy(scheduler.answer(asked[i]!()), goes ?? undefined);
          }),
        );
        await scheduler.dispose();
        expect(model.openSessions).toBe(0);
        for (const [i, { goes }] of answers.entries())
          expect(said[i]).toEqual((await saidAlone(toy(), asked[i]!())).slice(0, goes ?? undefined));
      },
    ),
    { seed: 20, numRuns: casesOn(60) },
  );
});

test("first come, first served: answers begin in the order in which they were asked for, and know their place", async () => {
  const scheduler = new Scheduler(endless(), { parallel: 2, heldTokens: 80 });
  const begun: number[] = [];
  const places: number[][] = [];
  const answers = Array.from({ length: 9 }, (_, i) => {
    places[i] = [];
    const onPlace = (place: number) => {
      places[i]!.push(place);
      if (place === 0) begun.push(i);
    };
    // Every third one is so large that it fits beside nobody. The two before it end at different times: smaller ones behind
    // it would find room, and don't overtake it.
    return scheduler.answer(request({ maxNewTokens: [4, 8, 60][i % 3]! }), { onPlace });
  });
  const said = await Promise.all(answers.map((answer) => saidBy(answer)));
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(said.map(({ length }) => length)).toEqual([5, 9, 61, 5, 9, 61, 5, 9, 61]);
  for (const [i, own] of places.entries()) {
    expect(own).toEqual([...own].sort((a, b) => b - a));
    if (i >= 2) expect(own[0]).toBe(i - 1);
    expect(own.at(-1)).toBe(0);
  }
  await scheduler.dispose();
});

test("running answers hold no more tokens than the bound, unless one does so alone", async () => {
  const scheduler = new Scheduler(endless(), { parallel: 9, heldTokens: 70 });
  const answers = [4, 4, 4, 60, 4, 4].map((maxNewTokens) => scheduler.answer(request({ maxNewTokens })));
  const together: number[] = [];
  await Promise.all(
    answers.map(async (answer) => {
      for await (const _ of answer) {
        const { running, heldTokens } = scheduler.load;
        together.push(running);
        if (running > 1) expect(heldTokens).toBeLessThanOrEqual(70);
      }
    }),
  );
  expect(Math.max(...together)).toBe(3);
  await scheduler.dispose();
});

test("beside long prompts that are read, a running answer gets a token with every pass, and passes stay small", async () => {
  const model = endless();
  const scheduler = new Scheduler(model);
  const running = scheduler.answer(request({ maxNewTokens: 40 }));
  await running.next();
  const others = [1, 2, 3].map((salt) =>
    scheduler.answer(
      request({ base: long(400, salt), preference: [...long(300, salt), 1], maxNewTokens: 2 }),
    ),
  );
  await Promise.all(others.map((answer) => saidBy(answer)));
  await saidBy(running);
  // 40 tokens of the answer that ran all the time, in as many passes.
  expect(model.batches.length).toBe(40);
  for (const pass of model.lengths) {
    expect(Math.max(...pass)).toBeLessThanOrEqual(128);
    // One prompt or its two rows, and a token for each of the others.
    expect(pass.filter((length) => length > 1).length).toBeLessThanOrEqual(2);
  }
  await scheduler.dispose();
});

test("a beginning that prompts share is read once: by base and preference, by neighbours, and by who comes later", async () => {
  const model = endless();
  const scheduler = new Scheduler(model);
  const system = long(500);
  const ask = (question: number[]) =>
    saidBy(
      scheduler.answer(
        request({
          base: [...system, ...question],
          preference: [...system, ...question, 7, 7],
          maxNewTokens: 3,
        }),
      ),
    );
  await Promise.all([ask([1, 4]), ask([2, 4]), ask([3, 4])]);
  expect(model.openSessions).toBeGreaterThan(0);
  await ask([4, 4]);
  // Each answer beside the shared part: its question twice, "7 7", two tokens said in two rows, and what is read again
  // as logits come from a token that is read.
  expect(model.tokensRead).toBeLessThan(500 + 4 * 20);
  await scheduler.dispose();
  expect(model.openSessions).toBe(0);
});

test("a chat that goes on reads what is new, and is answered as if it were all new", async () => {
  const model = endless();
  const scheduler = new Scheduler(model);
  const first = long(100);
  const said = await saidBy(scheduler.answer(request({ base: first, preference: [...first, 3] })));
  // The last token of an answer was chosen and never read.
  const history = [...first, ...(said.slice(0, -2) as number[])];
  for (let token = 0; token < V; token++) {
    const before = model.tokensRead;
    const next = request({ base: [...history, token, 4], method: baseMethod(), maxNewTokens: 1 });
    expect(await saidBy(scheduler.answer(next))).toEqual(await saidAlone(endless(), next));
    expect(model.tokensRead - before).toBeLessThanOrEqual(2);
  }
  await scheduler.dispose();
});

test("what is kept stays below its bound, and what was used least recently goes first", async () => {
  const model = endless();
  const scheduler = new Scheduler(model, { prefixTokens: 130, parallel: 1 });
  const ask = async (salt: number) => {
    const before = model.tokensRead;
    await saidBy(scheduler.answer(request({ base: long(50, salt), method: baseMethod(), maxNewTokens: 1 })));
    await turns(3);
    expect(scheduler.load.prefixTokens).toBeLessThanOrEqual(130);
    return model.tokensRead - before;
  };
  expect([await ask(1), await ask(2), await ask(1), await ask(3)]).toEqual([50, 50, 1, 50]);
  expect([await ask(1), await ask(2)]).toEqual([1, 50]);
  await scheduler.dispose();
});

test("rows that are kept go where a pass finds no room beside them", async () => {
  const model = endless();
  const open = model.openSession.bind(model);
  let kept = 0;
  model.openSession = (rowCount) => {
    const session = open(rowCount);
    const append = session.append.bind(session);
    session.append = async (tokens) => {
      // One session is the one that runs.
      if (kept > 0 && model.openSessions > 1) throw new Error("no room");
      return append(tokens);
    };
    return session;
  };
  const scheduler = new Scheduler(model);
  const ask = (salt: number) =>
    saidBy(scheduler.answer(request({ base: long(50, salt), preference: long(52, salt) })));
  await ask(1);
  await turns(3);
  kept = scheduler.load.prefixTokens;
  expect(kept).toBeGreaterThan(0);
  const said = await ask(2);
  expect(said).toEqual(await saidAlone(endless(), request({ base: long(50, 2), preference: long(52, 2) })));
  await scheduler.dispose();
  expect(model.openSessions).toBe(0);
});

test("a pass that fails ends the answers that run; those that wait are answered", async () => {
  let failsAt = 3;
  const model = new ToyModel(
    (row) => {
      if (failsAt-- === 0) throw new Error("the device is lost");
      return tangled(row);
    },
    V,
    new Set(),
  );
  const scheduler = new Scheduler(model, { parallel: 1 });
  const [first, second] = [scheduler.answer(request()), scheduler.answer(request())];
  const fate = saidBy(first);
  await expect(fate).rejects.toThrow("the device is lost");
  expect(await saidBy(second)).toEqual(await saidAlone(endless(), request()));
  await scheduler.dispose();
  expect(model.openSessions).toBe(0);
});

test("an answer whose own chooser or change fails ends alone", async () => {
  const scheduler = new Scheduler(endless());
  const fails: Choose = () => {
    throw new Error("no choice");
  };
  const onlyLater = ({ length }: readonly number[]) => {
    if (length === 2) throw new Error("no change");
    return undefined;
  };
  const [bad, good, changing] = [
    scheduler.answer(request({ choose: fails })),
    scheduler.answer(request()),
    scheduler.answer(request({ beforeToken: onlyLater })),
  ];
  const fates = await Promise.allSettled([bad, good, changing].map((answer) => saidBy(answer)));
  expect(fates.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
  expect(fates[1]).toMatchObject({ value: await saidAlone(endless(), request()) });
  await scheduler.dispose();
});

test("what can't be answered is refused at once, and so is what there is no room to wait for", async () => {
  const scheduler = new Scheduler(endless(), { parallel: 1, waiting: 1 });
  expect(() => scheduler.answer(request({ base: [] }))).toThrow(
    expect.objectContaining({ code: "bad-request" }),
  );
  expect(() => scheduler.answer(request({ base: long(3000) }))).toThrow(
    expect.objectContaining({ code: "context-overflow" }),
  );
  const answers = [scheduler.answer(request()), scheduler.answer(request())];
  expect(() => scheduler.answer(request())).toThrow(expect.objectContaining({ code: "queue-full" }));
  for (const answer of answers) await saidBy(answer);
  await scheduler.dispose();
  expect(() => scheduler.answer(request())).toThrow(expect.objectContaining({ code: "aborted" }));
  expect(() => new Scheduler(endless(), { parallel: 0 })).toThrow(
    expect.objectContaining({ code: "bad-request" }),
  );
});

test("an abort ends an answer that runs or waits, and frees its place", async () => {
  const model = endless();
  const scheduler = new Scheduler(model, { parallel: 1 });
  const aborts = [new AbortController(), new AbortController()];
  const running = scheduler.answer(request({ maxNewTokens: 500 }), { signal: aborts[0]!.signal });
  const waiting = scheduler.answer(request(), { signal: aborts[1]!.signal });
  const last = scheduler.answer(request());
  await running.next();
  aborts[1]!.abort();
  await expect(saidBy(waiting)).rejects.toMatchObject({ code: "aborted" });
  aborts[0]!.abort();
  await expect(saidBy(running)).rejects.toMatchObject({ code: "aborted" });
  expect(await saidBy(last)).toEqual(await saidAlone(endless(), request()));
  // Nothing was computed for it any more: of 500 tokens it got a few.
  expect(model.batches.length).toBeLessThan(20);
  const early = scheduler.answer(request(), { signal: AbortSignal.abort() });
  await expect(saidBy(early)).rejects.toMatchObject({ code: "aborted" });
  await scheduler.dispose();
});

test("leaving wakes whoever waits for an event, and events go to who asked first", async () => {
  const scheduler = new Scheduler(endless());
  const said = await saidAlone(endless(), request());
  const answer = scheduler.answer(request());
  const asked = await Promise.all([answer.next(), answer.next()]);
  expect(idsOf(asked.map(({ value }) => value!))).toEqual(said.slice(0, 2));
  const waits = [answer.next(), answer.next()];
  await answer.return();
  expect(await Promise.all(waits)).toEqual(Array(2).fill({ done: true, value: undefined }));
  await scheduler.dispose();
});

test("who leaves the queue is at once in nobody's way: the place is free, and those behind are nearer", async () => {
  const scheduler = new Scheduler(endless(), { parallel: 1, waiting: 2 });
  const running = scheduler.answer(request());
  await running.next();
  const places: number[] = [];
  const leaving = new AbortController();
  const first = scheduler.answer(request(), { signal: leaving.signal });
  const second = scheduler.answer(request(), { onPlace: (place) => places.push(place) });
  await running.next();
  expect(places).toEqual([2]);
  leaving.abort();
  expect(places).toEqual([2, 1]);
  expect(scheduler.load.waiting).toBe(1);
  const again = scheduler.answer(request());
  expect(() => scheduler.answer(request())).toThrow(expect.objectContaining({ code: "queue-full" }));
  // One that runs is in nobody's way either.
  await running.return();
  const last = scheduler.answer(request());
  await expect(saidBy(first)).rejects.toMatchObject({ code: "aborted" });
  for (const answer of [second, again, last])
    expect(await saidBy(answer)).toEqual(await saidAlone(endless(), request()));
  await scheduler.dispose();
});

test("whoever is told a place may leave or fail in that moment; the others are told theirs", async () => {
  const model = endless();
  const scheduler = new Scheduler(model, { parallel: 1 });
  const running = scheduler.answer(request({ maxNewTokens: 2 }));
  const fails = scheduler.answer(request(), {
    onPlace: () => {
      throw new Error("no place");
    },
  });
  const sent = new AbortController();
  const sends = scheduler.answer(request(), { onPlace: () => sent.abort() });
  const goes = scheduler.answer(request(), { signal: sent.signal });
  const places: number[] = [];
  const last = scheduler.answer(request(), { onPlace: (place) => places.push(place) });
  const fates = await Promise.allSettled([running, fails, sends, goes, last].map((answer) => saidBy(answer)));
  expect(fates.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  expect(places).toEqual([2, 1, 0]);
  await scheduler.dispose();
  expect(model.openSessions).toBe(0);
});

test("closing ends every answer and leaves nothing", async () => {
  const model = endless();
  const scheduler = new Scheduler(model, { parallel: 1 });
  const fates = [0, 1].map(() => saidBy(scheduler.answer(request({ maxNewTokens: 500 }))));
  await turns(5);
  const [settled] = await Promise.all([Promise.allSettled(fates), scheduler.dispose()]);
  for (const fate of settled) expect(fate).toMatchObject({ status: "rejected", reason: { code: "aborted" } });
  expect(model.openSessions).toBe(0);
});

test("answers of a transformer are the same side by side, whoever waits and joins", async () => {
  const model = await loadFixture("llama-gqa-tied");
  const scheduler = new Scheduler(model, { parallel: 3 });
  const tokens = (length: number, salt: number) =>
    Array.from({ length }, (_, i) => (i * 37 + salt * (i % 7)) % 50);
  const asked = Array.from({ length: 8 }, (_, i) =>
    request({
      base: [...tokens(40, 1), i % 3],
      preference: [...tokens(40, 1), i % 3, ...tokens(4, i)],
      maxNewTokens: 3 + i,
    }),
  );
  for (let round = 0; round < 2; round++) {
    const said = await Promise.all(asked.map((one) => saidBy(scheduler.answer(one))));
    for (const [i, one] of asked.entries()) expect(said[i]).toEqual(await saidAlone(model, one));
  }
  await scheduler.dispose();
  model.dispose();
});
