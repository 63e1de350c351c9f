/** An answer of the server is the one that `amulet generate` gives with the same settings, whoever is answered beside it. */

import { boundedMethod, type Engine, generate } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { allEvents, type Parsed } from "@amulet-ts/testing/server/event-stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chat, closesServers, serve, until } from "./serving.js";

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ backend: "wasm" });
});
afterAll(() => engine.dispose());
closesServers();

const question = "How do I make a cup of tea?";
const uplifting = "Your answer should be uplifting.";
const concise = "Your answer should be concise.";

/** The same settings twice: as a body, and as words of the command line. */
const settings: readonly (readonly [name: string, body: object, words: readonly string[]])[] = [
  ["no preference", {}, ["--method", "base"]],
  ["a preference", { amulet: { preference: uplifting } }, ["--preference", uplifting]],
  [
    "a budget",
    { amulet: { preference: concise, kl_budget: 0.5, alpha: 1 } },
    ["--preference", concise, "--kl-budget", "0.5", "--alpha", "1"],
  ],
  [
    "x at the top",
    { guidance_scale: 2.5, amulet: { preference: uplifting } },
    ["--preference", uplifting, "--guidance-scale", "2.5"],
  ],
  [
    "the paper's parameters under a mask",
    { amulet: { preference: uplifting, iterations: 10, eta: 5, min_p_mask: 0.1 } },
    ["--preference", uplifting, "--iterations", "10", "--eta", "5", "--min-p-mask", "0.1"],
  ],
  [
    "two preferences with weights",
    {
      amulet: {
        method: "pref",
        preferences: [
          { text: uplifting, weight: 1.5 },
          { text: concise, weight: -0.5 },
        ],
      },
    },
    [
      ...["--method", "pref", "--preference", uplifting, "--weight", "1.5"],
      ...["--preference", concise, "--weight", "-0.5"],
    ],
  ],
  [
    "a schedule, and a preference in the system message",
    { amulet: { preference: concise, preference_in: "system", schedule: "1:0..4, 3:4.." } },
    ["--preference", concise, "--preference-in", "system", "--strength-schedule", "1:0..4, 3:4.."],
  ],
  [
    "a negative prompt",
    { negative_prompt: concise, amulet: { preference: uplifting, method: "la", ratio: 1 } },
    ["--preference", uplifting, "--negative-prompt", concise, "--method", "la", "--ratio", "1"],
  ],
  [
    "draws",
    {
      temperature: 0.9,
      top_p: 0.95,
      top_k: 50,
      seed: 7,
      presence_penalty: 0.3,
      amulet: { preference: uplifting },
    },
    [
      ...[
        "--preference",
        uplifting,
        "--temperature",
        "0.9",
        "--top-p",
        "0.95",
        "--top-k",
        "50",
        "--seed",
        "7",
      ],
      ...["--presence-penalty", "0.3"],
    ],
  ],
  [
    "a text that ends it",
    { stop: [" tea"], amulet: { preference: uplifting } },
    ["--preference", uplifting, "--stop", " tea"],
  ],
];

async function generated(words: readonly string[]) {
  const command = ["generate", question, "--backend", "wasm", "--max-new-tokens", "12", "--json", ...words];
  const { status, stdout, stderr } = await amulet(command);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

test("an answer is the same, whole and in pieces, alone and beside all others", async () => {
  const { ask, post, server } = await serve({ engine, parallel: 6 });
  const path = "/v1/chat/completions";
  const bodies = settings.map(([, body]) => chat(question, { max_tokens: 12, ...body }));
  const together = await Promise.all(
    bodies.flatMap((body) => [
      ask(path, body),
      post(path, { ...body, stream: true, stream_options: { include_usage: true } }).then(allEvents),
    ]),
  );
  for (const [i, [name, , words]] of settings.entries()) {
    const expected = await generated(words);
    const alone = await ask(path, bodies[i]);
    const [whole, events] = together.slice(2 * i);
    expect(events.pop(), name).toBe("[DONE]");
    const { usage } = events.pop();
    const texts = events.map(({ choices }: Parsed) => choices[0].delta.content ?? "");
    for (const { choices, usage: own } of [alone, whole]) {
      expect(choices[0].message.content, name).toBe(expected.text);
      expect(choices[0].finish_reason, name).toBe(expected.finishReason);
      expect(own, name).toEqual(usage);
    }
    expect(texts.join(""), name).toBe(expected.text);
    expect(events.at(-1).choices[0].finish_reason, name).toBe(expected.finishReason);
    const { base, preference } = expected.promptTokens;
    expect(usage, name).toEqual({
      prompt_tokens: base + preference,
      completion_tokens: expected.ids.length,
      total_tokens: base + preference + expected.ids.length,
      prompt_tokens_details: { base_tokens: base, preference_tokens: preference },
    });
  }
  await until(() => server.load!.running === 0);
});

test("explanations and probabilities are those of generate, token by token", async () => {
  const { ask } = await serve({ engine });
  const expected = await generated(["--preference", uplifting, "--explain"]);
  const body = chat(question, {
    max_tokens: 12,
    logprobs: true,
    top_logprobs: 3,
    amulet: { preference: uplifting, explain: { alternatives: 5 } },
  });
  const { choices } = await ask("/v1/chat/completions", body);
  const { tokens } = choices[0].amulet;
  expect(tokens.map(({ id }: Parsed) => id)).toEqual(expected.ids);
  for (const [i, token] of expected.tokens.entries()) {
    expect(tokens[i]).toMatchObject({ token: token.text, id: token.id });
    for (const [ours, theirs] of [
      [tokens[i].delta, token.delta],
      [tokens[i].guidance_scale, token.guidanceScale],
      [tokens[i].kl_from_preference, token.klFromPreference],
      [tokens[i].candidates[0].probability, token.alternatives[0].probability],
      [Math.exp(choices[0].logprobs.content[i].logprob), token.probability],
    ])
      expect(ours).toBeCloseTo(theirs, 4);
    const [best] = choices[0].logprobs.content[i].top_logprobs;
    expect(best).toEqual({ ...choices[0].logprobs.content[i], top_logprobs: undefined });
  }
});

test("what an answer has already is gone on from, and both policies at a place are those that generate reports", async () => {
  const { ask, post } = await serve({ engine });
  const asked = (amulet: object, max_tokens = 12) =>
    chat(question, { max_tokens, amulet: { preference: uplifting, ...amulet } });
  const whole = await ask("/v1/chat/completions", asked({ explain: true }));
  const ids = whole.choices[0].amulet.tokens.map(({ id }: Parsed) => id);
  const rest = asked({ begun: ids.slice(0, 5), explain: { policies: true } }, 7);
  const { choices } = await ask("/v1/chat/completions", rest);
  expect(choices[0].amulet.tokens.map(({ id }: Parsed) => id)).toEqual(ids.slice(5));
  const rows = [];
  for await (const piece of generate(engine.model, {
    ...{ question, preference: uplifting, method: boundedMethod(), maxNewTokens: 12, reportRows: true },
  }))
    if (piece.rows) rows.push(piece.rows);
  for (const [i, { policies }] of choices[0].amulet.tokens.entries()) {
    expect(largestGap(unpack(policies.base), rows[i + 5]!.logBase_V)).toBeLessThan(1e-3);
    expect(largestGap(unpack(policies.preference), rows[i + 5]!.logPreference_V)).toBeLessThan(1e-3);
  }
  expect((await post("/v1/chat/completions", asked({ begun: [engine.model.vocabularySize] }))).status).toBe(
    400,
  );
});

function unpack(text: string): number[] {
  const bytes = Buffer.from(text, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, id) => bytes.readFloatLE(4 * id));
}

function largestGap(one: ArrayLike<number>, other: ArrayLike<number>): number {
  expect(one.length).toBe(other.length);
  return Math.max(...Array.from(one, (log, id) => Math.abs(log - other[id]!)));
}

test("a profile is its preference, and a request's own preference replaces it", async () => {
  const { ask } = await serve({ engine, name: "embedded", profiles: { brief: concise } });
  const textOf = async (change: object) =>
    (await ask("/v1/chat/completions", chat(question, { max_tokens: 12, ...change }))).choices[0].message
      .content;
  const [brief, cheerful] = await Promise.all(
    [concise, uplifting].map((one) => textOf({ amulet: { preference: one } })),
  );
  expect(brief).not.toBe(cheerful);
  expect(await textOf({ model: "embedded:brief" })).toBe(brief);
  expect(await textOf({ model: "embedded:brief", amulet: { preference: uplifting } })).toBe(cheerful);
  expect(await textOf({ model: "embedded" })).toBe(await textOf({}));
});

test("a completion goes on where the prompt ends, as core's decode does from its tokens", async () => {
  const { ask } = await serve({ engine });
  const prompt = engine.model.renderChat([{ role: "user", content: question }]).prompt;
  const { choices } = await ask("/v1/completions", { prompt, max_tokens: 12, logprobs: 0 });
  const { text, finishReason } = await generated(["--method", "base"]);
  expect(choices[0]).toMatchObject({ text, finish_reason: finishReason });
  const ids = engine.tokenizer.encode(prompt, { parseSpecial: true });
  const byIds = await ask("/v1/completions", { prompt: [ids, ids], max_tokens: 12 });
  expect(byIds.choices.map((choice: Parsed) => choice.text)).toEqual([text, text]);
});

test("several answers have draws of their own, and the first those of the seed", async () => {
  const { ask } = await serve({ engine });
  const body = chat(question, { max_tokens: 12, temperature: 1, seed: 5, amulet: { preference: uplifting } });
  const { choices, usage } = await ask("/v1/chat/completions", { ...body, n: 3 });
  const texts = choices.map(({ message }: Parsed) => message.content);
  expect(new Set(texts).size).toBe(3);
  for (const [i, text] of texts.entries()) {
    const alone = await ask("/v1/chat/completions", { ...body, seed: 5 + i });
    expect(alone.choices[0].message.content).toBe(text);
    expect(alone.usage.prompt_tokens).toBe(usage.prompt_tokens);
  }
});
