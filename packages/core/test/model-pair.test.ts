import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendsUnderTest } from "@amulet-ts/testing/backends/under-test";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import { oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  amuletMethod,
  baseMethod,
  chooseGreedily,
  coSteerMethod,
  type DecodeEvent,
  decode,
  guidanceMethod,
  type LanguageModel,
  type Method,
  pairModels,
  pairPrompts,
  preferenceMethod,
  Scheduler,
  type Session,
} from "../src/index.js";

const size = 7;

/** Logits from all of a row's tokens and a seed: two models that agree on nothing. */
const logitsBy = (seed: number, columns: number) => (row: readonly number[]) =>
  Array.from({ length: columns }, (_, a) => {
    const mixed = row.reduce((sum, token, i) => sum + Math.sin(token * (a + 2) + seed * (i + 1)), seed * a);
    return 3 * Math.sin(mixed);
  });

const models = (smallColumns = size) => ({
  large: new ToyModel(logitsBy(1, size), size, new Set([size - 1]), 40),
  small: new ToyModel(logitsBy(2, smallColumns), smallColumns, new Set(), 30),
});

const base = [1, 2];
const smallPrompts = { base: [3, 0, 1], preference: [3, 0, 1, 4] };

/** The greedy answer by definition: three policies at every token, in float64. */
function answerOf(
  strength: number,
  { large, small }: ReturnType<typeof models>,
  prompts: typeof smallPrompts,
) {
  const said: number[] = [];
  while (said.length < 8) {
    const policy = oracles.transfer(
      {
        logLarge: oracles.logSoftmax(large.next([...base, ...said])),
        logSmallBase: oracles.logSoftmax(small.next([...prompts.base, ...said])),
        logSmallPreference: oracles.logSoftmax(small.next([...prompts.preference, ...said])),
      },
      strength,
    );
    const id = policy.indexOf(oracles.largest(policy));
    if (large.endTokens.has(id)) break;
    said.push(id);
  }
  return said;
}

async function answers(model: LanguageModel, requests: Parameters<typeof decode>[1]) {
  const ids = requests.map((): number[] => []);
  for await (const event of decode(model, requests) as AsyncIterable<DecodeEvent>)
    if (event.type === "token") ids[event.request]!.push(event.id);
  return ids;
}

/** What is forked comes back behind the others, or behind an empty row of another session. @returns that session's rows too */
async function forkAndInclude(
  model: LanguageModel,
  session: Session,
  rows: readonly number[][],
  { picks, isLeft }: { readonly picks: readonly number[]; readonly isLeft: boolean },
) {
  const places = picks.map((pick) => pick % rows.length);
  const fork = await session.fork!(places);
  const target = isLeft ? model.openSession(1) : session;
  if (isLeft) await session.dispose();
  await target.include!(fork);
  await fork.dispose();
  return { target, held: [...(isLeft ? [[]] : rows), ...places.map((place) => [...rows[place]!])] };
}

/** What the model that a row belongs to says after it. */
function nextOf({ large, small }: ReturnType<typeof models>, row: readonly number[]): number[] {
  return (row[0]! < size ? large : small).next(row.map((id) => id % size)).map(Math.fround);
}

/** A row begins with either model, and goes on with tokens as they are chosen. */
function tokensAfter(rows: readonly number[][], seed: number): number[][] {
  return rows.map((row, r) => {
    const token = (seed * (r + 1)) % size;
    return row.length === 0 ? [token + ((seed + r) % 2) * size, token] : [token];
  });
}

const request = (pair: ReturnType<typeof models>, method: Method) => ({
  ...pairPrompts(pair, base, smallPrompts),
  method,
  choose: chooseGreedily,
  maxNewTokens: 8,
});

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test("every method answers with the small model's Δ on the large model's policy", async () => {
    const pair = models();
    const strengths: [Method, number][] = [
      [preferenceMethod(), 1],
      [guidanceMethod(2.5), 2.5],
      [amuletMethod(), 5.648699006951202],
      [coSteerMethod(), 1.7832568430850788],
      [baseMethod(), 0],
    ];
    const found = await answers(
      pairModels(pair),
      strengths.map(([method]) => request(pair, method)),
    );
    expect(found).toEqual(strengths.map(([, strength]) => answerOf(strength, pair, smallPrompts)));
    expect([pair.large.openSessions, pair.small.openSessions]).toEqual([0, 0]);
  });

  test("each token is read once by each model that a prompt of it is for", async () => {
    const pair = models();
    const [ids] = await answers(pairModels(pair), [request(pair, guidanceMethod(2))]);
    const read = ids!.length - 1 + Number(ids!.length < 8);
    expect(pair.large.tokensRead).toBe(base.length + read);
    expect(pair.small.tokensRead).toBe(smallPrompts.base.length + smallPrompts.preference.length + 2 * read);
  });

  test("the base prompt alone leaves the small model asleep", async () => {
    const pair = models();
    await answers(pairModels(pair), [request(pair, baseMethod())]);
    expect(pair.small.tokensRead).toBe(0);
  });

  test("Δ of the model itself is its own preference", async () => {
    const { large } = models();
    const pair = { large, small: large };
    const method = guidanceMethod(2);
    const asked = { method, choose: chooseGreedily, maxNewTokens: 8 };
    const [paired] = await answers(pairModels(pair), [
      { ...pairPrompts(pair, base, { base, preference: [1, 2, 5] }), ...asked },
    ]);
    const [alone] = await answers(large, [{ base, preference: [1, 2, 5], ...asked }]);
    expect(paired).toEqual(alone);
  });

  test("several preferences keep their weights", async () => {
    const pair = models();
    const weighted = {
      base: smallPrompts.base,
      preferences: [{ tokens: smallPrompts.preference, weight: 2 }],
    };
    const [twice] = await answers(pairModels(pair), [
      { ...request(pair, guidanceMethod(1.5)), ...pairPrompts(pair, base, weighted) },
    ]);
    expect(twice).toEqual(answerOf(3, pair, smallPrompts));
  });

  test.each([size - 2, size + 3])(
    "a small model with %d columns beside 7 has no say in the others",
    async (columns) => {
      const pair = models(columns);
      const model = pairModels(pair);
      const session = model.openSession(3);
      const { base: large, preferences = [] } = pairPrompts(pair, base, smallPrompts);
      const next = await session.append([large, ...preferences.map(({ tokens }) => tokens)]);
      expect(next.logits_RC.shape).toEqual([3, size]);
      const rows = (await next.logits_RC.array()) as number[][];
      const common = Math.min(columns, size);
      // The large model may say what both know, and what ends the answer.
      const sayable = (id: number) => id < common || pair.large.endTokens.has(id);
      for (const [id, logit] of pair.large.next(base).entries()) {
        if (sayable(id)) expect(rows[0]![id]).toBe(Math.fround(logit));
        else expect(rows[0]![id]).toBeLessThan(-1e29);
      }
      expect(rows[1]!.slice(0, common)).toEqual(
        pair.small.next(smallPrompts.preference).slice(0, common).map(Math.fround),
      );
      expect(rows[1]!.slice(common).every((logit) => logit < -1e29)).toBe(true);
      next.logits_RC.dispose();
      await session.dispose();
    },
  );

  test("a small model with fewer ids is never handed one that it has not, and the answer still ends", async () => {
    const known = 5;
    const wants = (id: number) => (row: readonly number[]) =>
      Array.from({ length: size }, (_, a) => (a === id ? 9 : a === size - 1 && row.length > 4 ? 8 : -a));
    const large = new ToyModel(wants(5), size, new Set([size - 1]));
    const small = new ToyModel((row) => {
      if (row.some((id) => id >= known)) throw new Error(`handed ${row}`);
      return Array.from({ length: known }, (_, a) => Math.sin(a + row.length));
    }, known);
    const pair = { large, small };
    const [ids] = await answers(pairModels(pair), [request(pair, guidanceMethod(2))]);
    expect(ids!.length).toBe(3);
    expect(ids!.every((id) => id < known)).toBe(true);
  });

  test("an answer whose logits can't be put together leaves the rows as they were, and no tensor", async () => {
    const pair = models();
    const session = pairModels(pair).openSession(2);
    const prompts = [base, [3 + size, 0, 1, 4]];
    const engine = tf.engine();
    const backend = vi.spyOn(engine, "runKernel").mockImplementationOnce(() => {
      throw new Error("no memory");
    });
    await expect(session.append(prompts)).rejects.toThrow("no memory");
    backend.mockRestore();
    expect(session.lengths).toEqual([0, 0]);
    const { logits_RC } = await session.append(prompts);
    expect(((await logits_RC.array()) as number[][])[0]).toEqual(pair.large.next(base).map(Math.fround));
    logits_RC.dispose();
    await session.dispose();
  });

  test("rows fork, part, are emptied and change models, and read on as rows of their own would", async () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant("append" as const), seed: fc.nat(99) }),
      fc.record({
        do: fc.constant("select" as const),
        picks: fc.array(fc.nat(99), { minLength: 1, maxLength: 5 }),
      }),
      fc.record({ do: fc.constant("rewind" as const), seed: fc.nat(99) }),
      fc.record({
        do: fc.constant("fork" as const),
        picks: fc.array(fc.nat(99), { minLength: 1, maxLength: 3 }),
        isLeft: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(command, { maxLength: 8 }),
        async (rowCount, commands) => {
          const pair = models();
          const model = pairModels(pair);
          let session = model.openSession(rowCount);
          let rows: number[][] = Array.from({ length: rowCount }, () => []);
          for (const step of commands) {
            if (step.do === "select") {
              const picks = step.picks.map((pick) => pick % rows.length);
              await session.select(picks);
              rows = picks.map((pick) => [...rows[pick]!]);
            } else if (step.do === "fork") {
              const { target, held } = await forkAndInclude(model, session, rows, step);
              [session, rows] = [target, held];
            } else if (step.do === "rewind") {
              const lengths = rows.map((row, r) => (step.seed + 3 * r) % (row.length + 1));
              await session.rewind(lengths);
              rows = rows.map((row, r) => row.slice(0, lengths[r]!));
            } else {
              const tokens = tokensAfter(rows, step.seed);
              const { logits_RC } = await session.append(tokens);
              rows = rows.map((row, r) => [...row, ...tokens[r]!]);
              const expected = rows.map((row) => nextOf(pair, row));
              expect(await logits_RC.array()).toEqual(expected);
              logits_RC.dispose();
            }
            expect(session.lengths).toEqual(rows.map((row) => row.length));
          }
          await session.dispose();
          expect([pair.large.openSessions, pair.small.openSessions]).toEqual([0, 0]);
        },
      ),
      { seed: 51, numRuns: 150 },
    );
  });

  test("of a prompt that both models have read before, a scheduler reads only what is new", async () => {
    const pair = models();
    const scheduler = new Scheduler(pairModels(pair));
    const long = Array.from({ length: 18 }, (_, i) => i % size);
    const ask = async (last: number) => {
      const prompts = pairPrompts(pair, [...long, last], {
        base: [...long, last, 1],
        preference: [...long, last, 2],
      });
      const ids: number[] = [];
      const asked = { ...prompts, method: guidanceMethod(2), choose: chooseGreedily, maxNewTokens: 1 };
      for await (const event of scheduler.answer(asked)) if (event.type === "token") ids.push(event.id);
      while (scheduler.load.running > 0) await new Promise(setImmediate);
      return ids;
    };
    await ask(3);
    const before = [pair.large.tokensRead, pair.small.tokensRead];
    const ids = await ask(4);
    // The last token of each prompt and what it differs by; of the small model's two, none goes on from the other.
    expect([pair.large.tokensRead - before[0]!, pair.small.tokensRead - before[1]!]).toEqual([1, 4]);
    const alone = models();
    const afresh = pairPrompts(alone, [...long, 4], { base: [...long, 4, 1], preference: [...long, 4, 2] });
    const asked = { ...afresh, method: guidanceMethod(2), choose: chooseGreedily, maxNewTokens: 1 };
    expect([ids]).toEqual(await answers(pairModels(alone), [asked]));
    await scheduler.dispose();
    expect([pair.large.openSessions, pair.small.openSessions]).toEqual([0, 0]);
  });

  test("a pair of which one model has no forks has none, and answers all the same", async () => {
    const pair = models();
    const { small } = pair;
    const plain: LanguageModel = Object.create(small, {
      openSession: {
        value: (rowCount: number) => Object.assign(small.openSession(rowCount), { fork: undefined }),
      },
    });
    const scheduler = new Scheduler(pairModels({ ...pair, small: plain }), { prefixTokens: 4096 });
    // The shorter one's rows are dropped while the other one runs.
    const said = await Promise.all(
      [1, 4].map(async (maxNewTokens) => {
        const asked = {
          ...request(pair, guidanceMethod(2)),
          base: [...Array(20).fill(maxNewTokens)],
          maxNewTokens,
        };
        const types: string[] = [];
        for await (const { type } of scheduler.answer(asked)) types.push(type);
        return types.at(-1);
      }),
    );
    expect(said).toEqual(["end", "end"]);
    expect(scheduler.load.prefixTokens).toBe(0);
    await scheduler.dispose();
    expect([pair.large.openSessions, pair.small.openSessions]).toEqual([0, 0]);
  });

  test("what can't be taken in whole is not taken in", async () => {
    const pair = models();
    const opened = vi.spyOn(pair.small, "openSession");
    const session = pairModels(pair).openSession(2);
    (await session.append([base, [3 + size, 0, 1, 4]])).logits_RC.dispose();
    const fork = await session.fork!([0, 1]);
    vi.spyOn(opened.mock.results[0]!.value, "include").mockRejectedValueOnce(new Error("no memory"));
    await expect(session.include!(fork)).rejects.toThrow("no memory");
    expect(session.lengths).toEqual([2, 4]);
    await session.include!(fork);
    const { logits_RC } = await session.append([[5], [5], [4], [4]]);
    const [first, , third] = (await logits_RC.array()) as number[][];
    expect([first, third]).toEqual([5, 4].map((id) => pair.large.next([...base, id]).map(Math.fround)));
    logits_RC.dispose();
    for (const one of [session, fork]) await one.dispose();
    expect([pair.large.openSessions, pair.small.openSessions]).toEqual([0, 0]);
    await expect(session.include!(pair.large.openSession(1))).rejects.toThrow("its own pair");
  });

  test("a small model that fails leaves the rows as they were, and no tensor", async () => {
    const pair = models();
    let fails = true;
    const small = new ToyModel((row) => {
      if (fails && row.length > 4) throw new Error("no memory");
      return pair.small.next(row);
    }, size);
    const session = pairModels({ large: pair.large, small }).openSession(2);
    (await session.append([base, [3 + size, 0, 1, 4]])).logits_RC.dispose();
    await expect(session.append([[5], [5]])).rejects.toThrow("no memory");
    expect(session.lengths).toEqual([2, 4]);
    fails = false;
    const { logits_RC } = await session.append([[5], [5]]);
    expect(((await logits_RC.array()) as number[][])[0]).toEqual(
      pair.large.next([...base, 5]).map(Math.fround),
    );
    tf.dispose(logits_RC);
    await session.dispose();
  });
});

test("engines that give the best tokens only are refused by name", () => {
  const { large, small } = models();
  const top = Object.assign(Object.create(large) as LanguageModel, { coverage: "top" as const });
  expect(() => pairModels({ large: top, small })).toThrow(expect.objectContaining({ code: "not-covered" }));
  expect(() => pairModels({ large, small: top })).toThrow(/Δ of another model needs all of them/);
});

test("the pair reads as much as the shorter of both contexts", () => {
  expect(pairModels(models())).toMatchObject({
    contextLength: 30,
    coverage: "whole",
    name: "toy steered by toy",
  });
});
