/** What is answered through servers of each kind, against the whole vocabulary. */
import {
  baseMethod,
  boundedMethod,
  chooseGreedily,
  type DecodeEvent,
  type DecodeRequest,
  decode,
  guidanceMethod,
  type LanguageModel,
  type Method,
  preferenceMethod,
  Scheduler,
  withMinP,
  withPlausibility,
} from "@amulet-ts/core";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { LogProbabilityServer, type ServerKind } from "@amulet-ts/testing/engines/log-probability-server";
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { type NextLogits, ToyModel } from "@amulet-ts/testing/models/toy-model";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { HttpClient } from "../../src/http/client.js";
import { groupRows, joinColumns } from "../../src/http/columns.js";
import { findServer } from "../../src/http/servers/find-server.js";
import { HttpSession } from "../../src/http/session.js";

withoutLeaks("cpu");

const V = 60;

const peaked = hashedLogits(V, 7, 0.03);
const whole = new ToyModel(peaked, V, new Set([3]));

const opened: LogProbabilityServer[] = [];
afterAll(() => Promise.all(opened.map((server) => server.close())));

async function open(kind: ServerKind, candidates: number, setup = {}) {
  const server = new LogProbabilityServer(kind, { next: peaked, vocabularySize: V, ...setup });
  opened.push(server);
  const client = new HttpClient({ address: await server.listen() });
  const found = await findServer(client, undefined, {});
  const ended = new AbortController().signal;
  const model: LanguageModel = {
    name: "toy",
    vocabularySize: V,
    contextLength: 500,
    endTokens: whole.endTokens,
    coverage: "top",
    openSession: (rowCount) => new HttpSession(found, rowCount, { candidates, vocabularySize: V, ended }),
  };
  return { model, server, found };
}

async function collect(model: LanguageModel, requests: readonly DecodeRequest[]) {
  const events: DecodeEvent[] = [];
  for await (const event of decode(model, requests)) events.push(event);
  return requests.map((_, index) =>
    events.flatMap((event) => (event.type === "token" && event.request === index ? [event] : [])),
  );
}

const idsOf = (answers: Awaited<ReturnType<typeof collect>>) =>
  answers.map((answer) => answer.map(({ id }) => id));

const exact: readonly Method[] = [
  baseMethod(),
  preferenceMethod(),
  withMinP(guidanceMethod(5), 0.05),
  withPlausibility(guidanceMethod(5), 0.9),
];

const tokens = fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 1, maxLength: 4 });
const anyRequests = fc.array(
  fc.record({ base: tokens, preference: tokens, method: fc.constantFrom(...exact) }),
  { minLength: 1, maxLength: 4 },
);

describe.each<ServerKind>(["llamacpp", "vllm", "sglang"])("through a server of the kind %s", (kind) => {
  // vLLM is started for as many as a mask may need.
  const setup = { mostLogprobs: V };

  test("base, pref and masked methods answer as they do with the whole vocabulary, alone and side by side", async () => {
    const { model } = await open(kind, 4, setup);
    await fc.assert(
      fc.asyncProperty(anyRequests, async (asked) => {
        const requests = asked.map((request) => ({ ...request, choose: chooseGreedily, maxNewTokens: 5 }));
        expect(idsOf(await collect(model, requests))).toEqual(idsOf(await collect(whole, requests)));
      }),
      { seed: 18, numRuns: 25 },
    );
  });

  test("bounded Amulet keeps its budget, and tells how much of each policy it saw", async () => {
    const { model } = await open(kind, 12, setup);
    const request = {
      base: [1, 2],
      preference: [1, 2, 3],
      method: boundedMethod(0.3),
      choose: chooseGreedily,
    };
    const [answer] = await collect(model, [{ ...request, maxNewTokens: 6, reportDrift: true }]);
    expect(answer!.length).toBeGreaterThan(0);
    for (const { drift, seen } of answer!) {
      // More is asked for until most of both is seen.
      for (const mass of [seen!.base, seen!.preference]) expect(mass).toBeGreaterThan(0.9);
      expect(drift!).toBeLessThan(0.3 - Math.log(seen!.preference) + 1e-5);
    }
  });

  test("prompts that begin as an earlier one ask in no more passes than their own tokens take", async () => {
    const { model, server } = await open(kind, 60, setup);
    const scheduler = new Scheduler(model);
    const shared = Array.from({ length: 300 }, (_, i) => (i * i) % V);
    const passes: number[] = [];
    for (const last of [7, 8, 9]) {
      const before = server.asked.length;
      const request = { base: [...shared, last], preference: [...shared, last, 1] };
      const asked = { ...request, method: preferenceMethod(), choose: chooseGreedily, maxNewTokens: 3 };
      const events: DecodeEvent[] = [];
      for await (const event of scheduler.answer(asked)) events.push(event);
      while (scheduler.load.running > 0) await new Promise(setImmediate);
      passes.push(server.asked.length - before);
      expect(events.flatMap((event) => (event.type === "token" ? [event.id] : []))).toEqual(
        idsOf(await collect(whole, [asked]))[0],
      );
    }
    // 302 tokens are read in three passes, and each of the two tokens after the first takes another.
    expect(passes).toEqual([5, 3, 3]);
    await scheduler.dispose();
  });

  test("a fork is a session of its own, and rows of another server are refused", async () => {
    const [{ model }, { model: other }] = [await open(kind, 8, setup), await open(kind, 8, setup)];
    const session = model.openSession(2);
    for (const { logits_RC, rest_R1 } of [await session.append([[1, 2], [5]])])
      tf.dispose([logits_RC, rest_R1!]);
    const fork = await session.fork!([1, 0]);
    await session.rewind([0, 1]);
    expect(fork.lengths).toEqual([1, 2]);
    await session.include!(fork);
    expect(session.lengths).toEqual([0, 1, 1, 2]);
    await expect(other.openSession(1).include!(fork)).rejects.toMatchObject({ code: "bad-request" });
  });

  test("a fork and a rewind cost nothing, and rows come in one request", async () => {
    const { model, server } = await open(kind, 8, setup);
    const session = model.openSession(2);
    const next = await session.append([[1, 2], [5]]);
    await session.select([1, 0, 1]);
    await session.rewind([1, 1, 0]);
    expect(session.lengths).toEqual([1, 1, 0]);
    const after = await session.append([[7], [8], [9, 10]]);
    const last = server.asked.findLast(
      ({ prompt, input_ids }) => ((prompt ?? input_ids) as number[][]).length === 3,
    );
    expect(last!.prompt ?? last!.input_ids).toEqual([
      [5, 7],
      [1, 8],
      [9, 10],
    ]);
    for (const { logits_RC, rest_R1 } of [next, after]) {
      logits_RC.dispose();
      rest_R1!.dispose();
    }
    await session.dispose();
  });
});

test("a server that tells 20 tokens and no more is asked for no more, and a mask that needs more is refused", async () => {
  const { model, found } = await open("vllm", 20, { mostLogprobs: 20, names: false });
  const flat = withMinP(guidanceMethod(2), 1e-9);
  const request = { base: [1], preference: [2], method: flat, choose: chooseGreedily, maxNewTokens: 2 };
  await expect(collect(model, [request])).rejects.toMatchObject({ code: "not-covered" });
  expect(found.mostCandidates).toBe(20);
});

test("where a server tells few tokens and none by name, a masked answer is that of the whole vocabulary, or refused", async () => {
  const masked = fc.oneof(
    fc.double({ min: 0.2, max: 0.95, noNaN: true }).map((p) => withPlausibility(guidanceMethod(5), p)),
    fc.double({ min: 0.01, max: 0.9, noNaN: true }).map((p) => withMinP(guidanceMethod(5), p)),
  );
  // Prompts of one question say much the same.
  const related: NextLogits = (row) => {
    const own = peaked(row);
    return peaked([row.length % 5]).map((logit, i) => logit + 0.1 * own[i]!);
  };
  const reference = new ToyModel(related, V, whole.endTokens);
  let answered = 0;
  for (const mostLogprobs of [6, 16]) {
    const { model } = await open("vllm", 4, { next: related, mostLogprobs, names: false });
    await fc.assert(
      fc.asyncProperty(tokens, tokens, masked, async (base, preference, method) => {
        const requests = [{ base, preference, method, choose: chooseGreedily, maxNewTokens: 1 }];
        const found = await collect(model, requests).catch((error) => {
          expect(error.code).toBe("not-covered");
        });
        if (!found) return;
        answered++;
        expect(idsOf(found)).toEqual(idsOf(await collect(reference, requests)));
      }),
      { seed: 18, numRuns: 150 },
    );
  }
  expect(answered).toBeGreaterThan(50);
});

test("what is seen of a policy is the mass of the tokens that its prompt was told", async () => {
  const { model } = await open("vllm", 30, { mostLogprobs: 30, names: false });
  const request = { base: [1, 2], preference: [1, 2, 3], method: boundedMethod(0.3), choose: chooseGreedily };
  const [answer] = await collect(model, [{ ...request, maxNewTokens: 1 }]);
  const [base, preference] = [request.base, request.preference].map((prompt) => {
    const weights = peaked(prompt).map(Math.exp);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const best = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]!).slice(0, 30);
    return { best, massOf: (ids: number[]) => ids.reduce((sum, id) => sum + weights[id]! / total, 0) };
  });
  expect(answer![0]!.seen!.base).toBeCloseTo(base!.massOf(base!.best), 4);
  expect(answer![0]!.seen!.preference).toBeCloseTo(preference!.massOf(preference!.best), 4);
});

test("a server behind another name is found by what it alone answers", async () => {
  for (const kind of ["llamacpp", "vllm", "sglang"] as const) {
    const { found } = await open(kind, 4, { owner: "organization" });
    expect(found.kind).toBe({ llamacpp: "llama-server", vllm: "vLLM", sglang: "SGLang" }[kind]);
  }
});

test("columns are all tokens that any row was told; a row can't choose one that it was not told, and such are its rest", () => {
  const known = [
    new Map([
      [1, -1],
      [2, -2],
    ]),
    new Map([
      [2, -1],
      [3, -3],
    ]),
    new Map([[7, -0.001]]),
  ];
  expect(groupRows(4, [{ rows: [0, 1] }, { rows: [3, 1] }])).toEqual([[2], [0, 1, 3]]);
  const { ids_C, logs, logRests, logMosts } = joinColumns(known, [-2, -3, -0.001]);
  expect(ids_C).toEqual([1, 2, 3, 7]);
  const no = -1e4;
  expect([...logs]).toEqual([-1, -2, no, no, no, -1, -3, no, no, no, no, Math.fround(-0.001)]);
  // No more than the least that was told, and no more than all that is missing.
  expect([...logMosts]).toEqual([-2, -3, logRests[2]]);
  expect(Array.from(logRests, Math.exp)).toEqual(
    [1 - Math.exp(-1) - Math.exp(-2), 1 - Math.exp(-1) - Math.exp(-3), 1 - Math.exp(-0.001)].map((value) =>
      expect.closeTo(value, 4),
    ),
  );
});
