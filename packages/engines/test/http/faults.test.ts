/** Servers that fail: what passes is tried again, what does not ends in one typed error with a sentence. */

import { boundedMethod, generate } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { type JsonRequestOptions, openTokenizer } from "@amulet-ts/files";
import {
  LogProbabilityServer,
  type ServerFault,
  type ServerKind,
  type ServerSetup,
} from "@amulet-ts/testing/engines/log-probability-server";
import { afterEach, describe, expect, test } from "vitest";
import { HttpClient } from "../../src/http/client.js";
import { openEngine } from "../../src/index.js";

const { tokenizer } = await openTokenizer(embeddedModelFolder);
const V = tokenizer.vocabularySize;

const next = (row: readonly number[]) =>
  Array.from({ length: V }, (_, i) => 9 * Math.sin((row.length + 7) * (i + 1)) + (row.at(-1) === i ? -9 : 0));
const end = tokenizer.endTokens[0]!;
/** Ends after some tokens. */
const ending = (row: readonly number[]) =>
  next(row).map((logit, id) => (id === end ? row.length - 40 : logit));

const setup: ServerSetup = {
  next: ending,
  vocabularySize: V,
  mostLogprobs: 50,
  tokenize: (text) => tokenizer.encode(text, { parseSpecial: true }),
  modelPath: embeddedModelFolder,
};

let server: LogProbabilityServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function listen(kind: ServerKind = "llamacpp", change: Partial<ServerSetup> = {}): Promise<string> {
  server = new LogProbabilityServer(kind, { ...setup, ...change });
  return server.listen();
}

async function answer(
  engine: string,
  faults: readonly ServerFault[] = [],
  signal?: AbortSignal,
): Promise<string> {
  await using opened = await openEngine({ engine, candidates: 40 });
  server!.faults.push(...faults);
  const question = { question: "What is the sea?", preference: "Be formal.", method: boundedMethod(0.5) };
  let text = "";
  for await (const piece of generate(opened.model, {
    ...question,
    maxNewTokens: 4,
    ...(signal && { signal }),
  }))
    text += piece.text;
  return text;
}

describe("faults that pass", () => {
  test.each<[string, ServerFault[]]>([
    ["too many requests", [{ status: 429, headers: { "retry-after": "0" } }]],
    ["not ready", [{ status: 503, headers: { "retry-after": "0" } }]],
    ["a connection that breaks, in the head and in the middle", [{ cutAfter: 0 }, {}, { cutAfter: 60 }]],
    ["an answer that is cut off", [{}, { body: '{"index": 0, "compl' }]],
  ])("%s: the answer is the same", async (_, faults) => {
    const engine = await listen();
    const expected = await answer(engine);
    expect(await answer(engine, faults)).toBe(expected);
  });
});

/** The answer's first list of tokens, changed. */
const withTokens = (change: (entries: { id: number; logprob: number }[]) => unknown): ServerFault => ({
  change: (answer) => {
    const [first] = [answer].flat() as { completion_probabilities: { top_logprobs: unknown }[] }[];
    const own = first!.completion_probabilities[0]!;
    own.top_logprobs = change(own.top_logprobs as { id: number; logprob: number }[]);
    return answer;
  },
});

describe("faults that stay", () => {
  test.each<[string, ServerFault, string, RegExp]>([
    ["no tokens", withTokens(() => []), "bad-answer", /40 tokens were asked for and none came/],
    [
      "tokens of another vocabulary",
      withTokens((entries) => [{ id: V + 5, logprob: -3 }, ...entries.slice(1)]),
      "bad-answer",
      /tells of the token \d+, and the tokenizer's ids end at/,
    ],
    [
      "numbers that are no probabilities",
      withTokens((entries) => entries.map(({ id }) => ({ id, logprob: 0 }))),
      "bad-answer",
      /sum to 40/,
    ],
    [
      "a logit for a log-probability",
      withTokens(([one]) => [{ ...one, logprob: 12 }]),
      "bad-answer",
      /a log-probability/,
    ],
    [
      "another protocol",
      { change: () => ({ choices: [] }) },
      "bad-answer",
      /\/completion is not what its protocol says/,
    ],
    [
      "a row too few",
      { change: (answer) => [answer].flat().slice(1) },
      "bad-answer",
      /row \d of 2 is missing/,
    ],
    [
      "a word of no",
      { status: 400, body: '{"error":{"message":"too long"}}' },
      "refused",
      /status 400: "too long"/,
    ],
    ["more than can be", { body: `"${"x".repeat(6 * 2 ** 20)}"` }, "bad-answer", /more than was asked for/],
  ])("%s", async (_, fault, code, message) => {
    const engine = await listen();
    const error = await answer(engine, [fault]).catch((error) => error);
    expect(error).toMatchObject({ name: "EngineError", code });
    expect(error.message).toMatch(message);
  });

  test("an answer that never comes whole ends by its limit of time, and by a signal", async () => {
    const engine = await listen();
    const client = new HttpClient({ address: engine, timeoutMs: 80 });
    const patient = new HttpClient({ address: engine });
    const ask = (options: JsonRequestOptions = {}, by = patient) =>
      by.post("/completion", { prompt: [[1]], n_probs: 1 }, options);
    server!.faults.push({ silentAfter: 20 });
    await expect(ask({}, client)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("in 0.08 s"),
    });
    server!.faults.push({ silentAfter: 20 });
    await expect(answer(engine, [], AbortSignal.timeout(100))).rejects.toMatchObject({ code: "aborted" });
    // On a busy machine the abort may come before the request.
    server!.faults.length = 0;
    // A server that asks for patience is waited for, but not past the abort.
    server!.faults.push({ status: 429, headers: { "retry-after": "30" } });
    await expect(ask({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: "aborted" });
    server!.faults.length = 0;
    server!.faults.push({ status: 429, headers: { "retry-after": "3000" } });
    await expect(ask()).rejects.toMatchObject({ code: "refused" });
  });

  test("named tokens that were not asked for are passed over", async () => {
    const engine = await listen("sglang");
    const expected = await answer(engine);
    const more: ServerFault = {
      change: (answer) => {
        for (const { meta_info } of answer as { meta_info: { output_token_ids_logprobs?: unknown[][] } }[])
          meta_info.output_token_ids_logprobs?.[0]?.push([-0.1, 1, null]);
        return answer;
      },
    };
    expect(await answer(engine, Array(20).fill(more))).toBe(expected);
  });

  test("an engine that is disposed of in mid-answer ends the request that is under way", async () => {
    const engine = await listen();
    const opened = await openEngine({ engine });
    const session = opened.model.openSession(1);
    server!.faults.push({ silentAfter: 20 });
    const pending = session.append([[1, 2]]).catch((error) => error);
    setTimeout(() => void opened.dispose(), 50);
    expect(await pending).toMatchObject({ name: "EngineError", code: "disposed" });
  });

  test("a whole answer in wrong words is not asked for again, and a key that is repeated is not shown", async () => {
    const engine = await listen("llamacpp", { key: "sk-own" });
    const client = new HttpClient({ address: engine, key: "sk-own" });
    const ask = () => client.post("/completion", { prompt: [[1]], n_probs: 1 }).catch((error) => error);
    server!.faults.push({ body: "[not JSON]" });
    expect(await ask()).toMatchObject({ code: "bad-answer" });
    expect(server!.asked).toHaveLength(1);
    server!.faults.push({ status: 400, body: '{"error":"bad key sk-own"}' });
    expect(await ask()).toMatchObject({ message: expect.stringContaining("bad key …") });
  });

  test("the key goes with each request and into no message", async () => {
    const engine = await listen("vllm", { key: "sk-secret" });
    const open = (key: string) => openEngine({ engine, environment: { AMULET_ENGINE_KEY: key } });
    await (await open("sk-secret")).dispose();
    const error = await open("sk-wrong").catch((error) => error);
    expect(error).toMatchObject({ code: "refused", message: expect.stringContaining("AMULET_ENGINE_KEY") });
    expect(JSON.stringify([error.message, error.stack])).not.toContain("sk-");
    const login = engine.replace("http://", "http://user:pass@");
    expect((await openEngine({ engine: login }).catch((error) => error)).message).not.toMatch(/user|pass/);
  });

  test("a server that is not there, another model, another tokenizer, no tokenizer: each has its sentence", async () => {
    await expect(openEngine({ engine: "http://127.0.0.1:9/v1" })).rejects.toMatchObject({
      code: "unreachable",
    });
    const engine = await listen("vllm");
    await expect(openEngine({ engine, model: "other" })).rejects.toThrow("has no model other; it has toy");
    await server!.close();
    const strange = await listen("vllm", { tokenize: () => [1, 2, 3] });
    await expect(openEngine({ engine: strange })).rejects.toMatchObject({ code: "refused" });
    await server!.close();
    const elsewhere = await listen("vllm", { modelPath: "org/elsewhere" });
    await expect(openEngine({ engine: elsewhere })).rejects.toThrow(
      /has toy from org\/elsewhere.*--tokenizer/,
    );
    const engineOfFolder = await openEngine({ engine: elsewhere, tokenizer: embeddedModelFolder });
    expect(engineOfFolder.model.contextLength).toBe(500);
    await engineOfFolder.dispose();
    await expect(engineOfFolder.model.openSession(1).append([[1]])).rejects.toMatchObject({
      code: "disposed",
    });
  });
});
