/** A judge that is a server here: what is asked, what is asked again, what its verdicts come to. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultRubric, judgeAnswers, summariseJudgements } from "../src/index.js";
import { readVerdict } from "../src/judges/judge-prompt.js";
import type { AnswerPair } from "../src/reports/html/answers.js";
import { fitLogistic, lengthControlledRate } from "../src/statistics/length-control.js";

interface Asked {
  readonly answerA: string;
  readonly answerB: string;
}
type Behave = (asked: Asked, response: ServerResponse, request: number) => void;

let folder = "";
let stop = () => {};
let requests: Asked[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-judge-"));
  requests = [];
});
afterEach(async () => {
  stop();
  await rm(folder, { recursive: true });
});

async function serve(behave: Behave) {
  const server = createServer(async (request: IncomingMessage, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { messages } = JSON.parse(Buffer.concat(parts).toString()) as { messages: { content: string }[] };
    const asked = JSON.parse(messages[1]!.content) as Asked;
    requests.push(asked);
    behave(asked, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stop = () => {
    server.closeAllConnections();
    server.close();
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, model: "judge", maxTokens: 10, pauseMs: 1, attempts: 4 };
}

const reply = (response: ServerResponse, content: string) =>
  response.end(
    JSON.stringify({
      choices: [{ message: { content } }],
      usage: { prompt_tokens: 7, completion_tokens: 2 },
    }),
  );
/** Prefers the answer with more letters. */
const honest: Behave = ({ answerA, answerB }, response) => {
  const verdict = answerA.length === answerB.length ? "tie" : answerA.length > answerB.length ? "A" : "B";
  reply(response, `A is short, B is not.\n\n**${verdict}**\n`);
};

function pairOf(number: number, reference: string, other: string): AnswerPair {
  const asked = { question: `Q${number}`, preference: "P", questionNumber: number };
  const answer = (text: string) => ({ answer: { text }, pair: asked, cell: { scores: {} } });
  return { reference: answer(reference), other: answer(other), difference: 0 } as unknown as AnswerPair;
}

const pairs = [
  pairOf(0, "a", "bbb"),
  pairOf(1, "aaa", "b"),
  pairOf(2, "aa", "bb"),
  pairOf(3, "same", "same"),
];
const judge = { model: "judge", rubric: defaultRubric };
const options = { rubric: defaultRubric, parallel: 2 };

describe("judging", () => {
  test("asks both orders, equal texts not at all, and nothing twice", async () => {
    const server = await serve(honest);
    const judgements = await judgeAnswers(folder, pairs, server, options);
    expect(requests).toHaveLength(6);
    for (const { answerA: a, answerB: b } of requests)
      expect(requests).toContainEqual(expect.objectContaining({ answerA: b, answerB: a }));
    const summary = summariseJudgements(pairs, judgements, judge);
    expect(summary).toMatchObject({ pairs: 4, winRate: { mean: 0.5 }, orderAgreement: 1, invalid: 0 });
    expect(await judgeAnswers(folder, pairs, server, options)).toEqual(judgements);
    expect(requests).toHaveLength(6);
    const lines = (await readFile(join(folder, "judgements.jsonl"), "utf8")).trim().split("\n");
    expect(JSON.parse(lines[0]!)).toMatchObject({
      reply: expect.stringContaining("A is short"),
      tokens: { prompt: 7 },
    });
    // Another rubric is another question.
    await judgeAnswers(folder, pairs, server, { ...options, rubric: "Prefer brevity." });
    expect(requests).toHaveLength(12);
  });

  test("a judge that always says A is at a half, and shows in the agreement of orders", async () => {
    const server = await serve((_, response) => reply(response, "A"));
    const judgements = await judgeAnswers(folder, pairs.slice(0, 3), server, options);
    const summary = summariseJudgements(pairs.slice(0, 3), judgements, judge);
    expect(summary).toMatchObject({ winRate: { mean: 0.5, low: 0.5, high: 0.5 }, orderAgreement: 0 });
  });

  test("nonsense is counted and left out", async () => {
    const server = await serve(({ answerA }, response) => reply(response, answerA === "bbb" ? "42" : "B"));
    const judgements = await judgeAnswers(folder, pairs.slice(0, 2), server, options);
    expect(summariseJudgements(pairs.slice(0, 2), judgements, judge)).toMatchObject({ pairs: 1, invalid: 1 });
  });

  test.each<[string, object]>([
    [
      "null for content",
      { message: { content: null, reasoning_content: "Answer A is" }, finish_reason: "length" },
    ],
    ["a refusal", { message: { content: null, refusal: "I'm sorry." } }],
    ["a message without content", { message: { role: "assistant" } }],
  ])("%s is no verdict: kept, counted, and asked once", async (_, choice) => {
    const server = await serve(({ answerA }, response) =>
      answerA === "bbb"
        ? response.end(JSON.stringify({ choices: [choice], usage: null }))
        : reply(response, "B"),
    );
    const judged = await judgeAnswers(folder, pairs.slice(0, 2), server, options);
    expect(summariseJudgements(pairs.slice(0, 2), judged, judge)).toMatchObject({ pairs: 1, invalid: 1 });
    expect(await judgeAnswers(folder, pairs.slice(0, 2), server, options)).toEqual(judged);
    expect(requests).toHaveLength(4);
    expect([...judged.values()].filter(({ verdict }) => verdict === null)).toMatchObject([{ reply: "" }]);
  });

  const once =
    (fault: (response: ServerResponse) => void): Behave =>
    (asked, response, request) =>
      request === 1 ? fault(response) : honest(asked, response, request);

  test.each<[string, (response: ServerResponse) => void]>([
    ["429", (response) => response.writeHead(429, { "retry-after": "0" }).end("slow down")],
    ["500", (response) => response.writeHead(500).end("oops")],
    [
      "half an answer",
      (response) =>
        void response
          .writeHead(200, { "content-length": "500" })
          .write('{"choices"', () => response.destroy()),
    ],
    ["JSON that is cut", (response) => response.end('{"choices": [{"mess')],
    ["JSON of another kind", (response) => response.end('{"choices": []}')],
    ["nothing", (response) => response.destroy()],
  ])("%s once is asked again", async (_, fault) => {
    const server = await serve(once(fault));
    const judgements = await judgeAnswers(folder, pairs.slice(0, 1), server, { ...options, parallel: 1 });
    expect(judgements.size).toBe(2);
    expect(requests).toHaveLength(3);
  });

  test("a refusal ends it at once, faults without end after some attempts; what was judged is kept", async () => {
    const refusing = await serve((asked, response, request) =>
      request <= 2 ? honest(asked, response, request) : response.writeHead(401).end("no key"),
    );
    const alone = { ...options, parallel: 1 };
    await expect(judgeAnswers(folder, pairs, refusing, alone)).rejects.toThrow(
      /after 1 attempt: status 401, "no key"/,
    );
    expect(requests).toHaveLength(3);
    stop();
    const broken = await serve((_, response) => response.writeHead(503).end());
    await expect(judgeAnswers(folder, pairs, broken, alone)).rejects.toMatchObject({ code: "judge-failed" });
    expect(requests).toHaveLength(3 + 4);
    stop();
    await judgeAnswers(folder, pairs, await serve(honest), alone);
    expect(requests).toHaveLength(7 + 4);
  });

  test("a key that the judge repeats is not shown, and an answer that goes on and on is refused", async () => {
    const alone = { ...options, parallel: 1 };
    const repeating = await serve((_, response) => response.writeHead(400).end("bad key sk-own"));
    await expect(judgeAnswers(folder, pairs, { ...repeating, apiKey: "sk-own" }, alone)).rejects.toThrow(
      /after 1 attempt: status 400, "bad key …"/,
    );
    stop();
    const endless = await serve((_, response) => response.end("x".repeat(9 * 2 ** 20)));
    await expect(judgeAnswers(folder, pairs, endless, alone)).rejects.toThrow(/more than 8 MiB/);
    expect(requests).toHaveLength(2);
  });

  test("a timer's abort ends the wait for a judge that is busy", async () => {
    const busy = await serve((_, response) => response.writeHead(429, { "retry-after": "250" }).end());
    const signal = AbortSignal.timeout(200);
    await expect(judgeAnswers(folder, pairs, busy, { ...options, signal })).rejects.toThrow(/abort|timeout/i);
  });

  test("limits are held before the first request", async () => {
    const server = await serve(honest);
    const refused = (limits: object) => judgeAnswers(folder, pairs, server, { ...options, ...limits });
    await expect(refused({ maxRequests: 5 })).rejects.toThrow(
      /6 requests are to be made, and --max-requests allows 5/,
    );
    await expect(refused({ maxCost: 1 })).rejects.toThrow(/--price/);
    const prices = { prompt: 0, completion: 1e6 };
    await expect(refused({ maxCost: 59, prices })).rejects.toThrow(/up to 60\.0/);
    expect(requests).toHaveLength(0);
    expect((await refused({ maxRequests: 6, maxCost: 60, prices })).size).toBe(6);
  });

  test("an interrupt keeps what came", async () => {
    const interrupt = new AbortController();
    const server = await serve((asked, response, request) => {
      if (request === 3) interrupt.abort();
      else honest(asked, response, request);
    });
    const work = judgeAnswers(folder, pairs, server, { ...options, parallel: 1, signal: interrupt.signal });
    await expect(work).rejects.toThrow();
    expect((await readFile(join(folder, "judgements.jsonl"), "utf8")).split("\n")).toHaveLength(3);
  });
});

test.each([
  ["A", "A"],
  ["Both are fine.\n\n**B**.\n", "B"],
  ["Verdict: tie", "tie"],
  ["A or B", undefined],
  ["", undefined],
  ["A\nBecause I say so.", undefined],
  ["The better one is the Apple", undefined],
])("the verdict of %j is %s", (text, verdict) => expect(readVerdict(text)).toBe(verdict));

describe("length control", () => {
  test("takes wins away that length alone explains, and leaves those that it does not", () => {
    const longer = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 30 : -10));
    const byLength = longer.map((d) => Number(d > 0));
    expect(lengthControlledRate(byLength, longer)).toBeLessThan(0.6);
    const byMerit = longer.map((_, i) => Number(i % 4 < 3));
    expect(lengthControlledRate(byMerit, longer)).toBeGreaterThan(0.7);
  });

  property.prop([
    fc.array(fc.tuple(fc.constantFrom(0, 0.5, 1), fc.integer({ min: -50, max: 50 })), {
      minLength: 1,
      maxLength: 30,
    }),
  ])("mirrors: with sides exchanged the rate is the other's", (cases) => {
    const rate = (sign: number) =>
      lengthControlledRate(
        cases.map(([y]) => (sign > 0 ? y : 1 - y)),
        cases.map(([, d]) => sign * d),
      );
    expect(rate(1) + rate(-1)).toBeCloseTo(1, 8);
  });

  property.prop([
    fc.array(fc.tuple(fc.constantFrom(0, 0.5, 1), fc.double({ min: -1, max: 1, noNaN: true })), {
      minLength: 1,
      maxLength: 30,
    }),
  ])("is where the gradient of the penalised likelihood is 0", (cases) => {
    const { intercept: a, slope: b } = fitLogistic(
      cases.map(([y]) => y),
      cases.map(([, x]) => x),
    );
    const residuals = cases.map(([y, x]) => y - 1 / (1 + Math.exp(-(a + b * x))));
    expect(residuals.reduce((sum, r) => sum + r, 0)).toBeCloseTo(0.01 * a, 8);
    expect(residuals.reduce((sum, r, i) => sum + r * cases[i]![1], 0)).toBeCloseTo(0.01 * b, 8);
  });
});
