/** What is sent is what the schemas say, and what clients expect of the protocol. */

import { get } from "node:http";
import { gzipSync } from "node:zlib";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { allEvents, type Parsed } from "@amulet-ts/testing/server/event-stream";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { startServer } from "../src/index.js";
import { chatChunkSchema, chatResponseSchema } from "../src/protocol/chat.js";
import { completionResponseSchema } from "../src/protocol/completions.js";
import { errorSchema } from "../src/protocol/errors.js";
import { chat, closesServers, jsonOf, parrot, serve } from "./serving.js";

withoutLeaks("wasm");
closesServers();

const says = "Hello, you!";
const path = "/v1/chat/completions";

describe("answers", () => {
  test("a chat completion is one, and only that", async () => {
    const { ask } = await serve({ engine: parrot(says) });
    for (const change of [{}, { logprobs: true }, { logprobs: true, top_logprobs: 4, n: 2 }]) {
      const answer = await ask(path, chat("Hi", change));
      expect(v.parse(v.strictObject(chatResponseSchema.entries), answer)).toEqual(answer);
      expect(answer.choices[0].message).toEqual({ role: "assistant", content: says, refusal: null });
      expect(answer.system_fingerprint).toMatch(/^fp_[0-9a-f]{12}$/);
      expect(answer.usage.completion_tokens).toBe(says.length * answer.choices.length);
    }
  });

  test("a stream opens with the role, ends with a reason and [DONE], and counts where it is asked to", async () => {
    const { post } = await serve({ engine: parrot(says) });
    for (const include_usage of [false, true]) {
      const body = chat("Hi", { stream: true, stream_options: { include_usage }, logprobs: true, n: 2 });
      const response = await post(path, body);
      expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
      const events = await allEvents(response);
      expect(events.pop()).toBe("[DONE]");
      for (const event of events) expect(v.parse(chatChunkSchema, event)).toEqual(event);
      expect(new Set(events.map(({ id }) => id)).size).toBe(1);
      const last = events.at(-1);
      if (include_usage) {
        events.pop();
        expect(last).toMatchObject({ choices: [], usage: { completion_tokens: 2 * says.length } });
        expect(events.every(({ usage }) => usage === null)).toBe(true);
      } else expect(events.every((event) => !("usage" in event))).toBe(true);
      for (const index of [0, 1]) {
        const own = events.map(({ choices }) => choices[0]).filter((choice) => choice.index === index);
        expect(own[0].delta).toEqual({ role: "assistant", content: "" });
        expect(own.map(({ delta }) => delta.content ?? "").join("")).toBe(says);
        expect(own.flatMap(({ logprobs }) => logprobs?.content ?? [])).toHaveLength(says.length);
        expect(own.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual(["stop"]);
      }
    }
  });

  test("completions of several texts, with their probabilities and where each token begins", async () => {
    const { ask, post } = await serve({ engine: parrot(says) });
    const body = { prompt: ["a", "b"], n: 2, logprobs: 2, max_tokens: 4 };
    const answer = await ask("/v1/completions", body);
    expect(v.parse(completionResponseSchema, answer)).toEqual(answer);
    // The toy looks for the end of a prompt, which a text has none of; what it says does not matter here.
    expect(answer.choices.map(({ index }: Parsed) => index)).toEqual([0, 1, 2, 3]);
    for (const { text, logprobs } of answer.choices) {
      expect(logprobs.tokens.join("")).toBe(text);
      expect(logprobs.text_offset).toEqual([0, 1, 2, 3]);
    }
    const events = await allEvents(await post("/v1/completions", { ...body, stream: true }));
    for (const event of events.slice(0, -1)) expect(v.parse(completionResponseSchema, event)).toEqual(event);
    for (const { index, text, logprobs } of answer.choices) {
      const own = events
        .slice(0, -1)
        .map(({ choices }) => choices[0])
        .filter((choice) => choice.index === index);
      expect(own.map((choice) => choice.text).join("")).toBe(text);
      expect(own.flatMap((choice) => choice.logprobs?.text_offset ?? [])).toEqual(logprobs.text_offset);
    }
  });

  test("earlier turns stand in both prompts, and the preference behind the last question", async () => {
    const prompts: string[] = [];
    const engine = parrot(says);
    const { renderChat } = engine.model;
    engine.model.renderChat = (chat) => {
      const rendered = renderChat(chat);
      prompts.push(rendered.prompt);
      return rendered;
    };
    const { ask } = await serve({ engine });
    const messages = [
      { role: "developer", content: "You answer." },
      {
        role: "user",
        content: [
          { type: "text", text: "One?" },
          { type: "text", text: "Or more?" },
        ],
      },
      { role: "assistant", content: "One." },
      { role: "user", content: "Two?" },
    ];
    const turns = "user: One?\nOr more?\nassistant: One.\n";
    await ask(path, { messages, amulet: { preference: "Be brief." } });
    expect(new Set(prompts.splice(0))).toEqual(
      new Set([
        `system: You answer.\n${turns}user: Two?\n`,
        `system: You answer.\n${turns}user: Two? Be brief.\n`,
      ]),
    );
    await ask(path, {
      messages: messages.slice(1),
      amulet: { preference: "Be brief.", preference_in: "system" },
    });
    expect(new Set(prompts.splice(0))).toEqual(
      new Set([`${turns}user: Two?\n`, `system: Be brief.\n${turns}user: Two?\n`]),
    );
    await ask(path, { messages: messages.slice(3), negative_prompt: "Ramble.", guidance_scale: 2 });
    expect(new Set(prompts.splice(0))).toEqual(new Set(["user: Two? Ramble.\n", "user: Two?\n"]));
  });

  test("texts, tokens and templates go both ways", async () => {
    const { ask } = await serve({ engine: parrot(says) });
    expect(await ask("/tokenize", { content: "Hi" })).toEqual({ tokens: [72, 105] });
    expect(await ask("/tokenize", { content: "Hi", with_pieces: true })).toEqual({
      tokens: [
        { id: 72, piece: "H" },
        { id: 105, piece: "i" },
      ],
    });
    expect(await ask("/detokenize", { tokens: [72, 105] })).toEqual({ content: "Hi" });
    expect(await ask("/apply-template", chat("Hi"))).toEqual({ prompt: "user: Hi\n" });
  });

  test("the model and its profiles are listed, and each is found by its name", async () => {
    const { fetch } = await serve({
      engine: parrot(says),
      name: "org/model",
      profiles: { brief: "Be brief." },
    });
    const { data } = await jsonOf(await fetch("/v1/models"));
    expect(data.map(({ id }: Parsed) => id)).toEqual(["org/model", "org/model:brief"]);
    for (const model of data) expect(await (await fetch(`/v1/models/${model.id}`)).json()).toEqual(model);
    expect(data.map(({ amulet }: Parsed) => amulet.coverage)).toEqual(["whole", "whole"]);
    expect((await fetch("/v1/models/other")).status).toBe(404);
  });

  test("the document of the protocol has every path, and each reference in it leads somewhere", async () => {
    const { fetch } = await serve({ engine: parrot(says) });
    const document = await jsonOf(await fetch("/openapi.json"));
    expect(document.openapi).toBe("3.1.0");
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference]) => reference!,
    );
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) {
      const found = reference
        .slice(2)
        .split("/")
        .reduce((at: Parsed, key) => at?.[key], document);
      expect(found, reference).toBeTypeOf("object");
    }
    expect(document.components.schemas.ChatRequest.required).toEqual(["messages"]);
  });
});

describe("refusals", () => {
  const refused: readonly (readonly [string, object | string, number, string | null])[] = [
    ["no JSON", "{", 400, null],
    ["no object", "3", 400, null],
    ["a list", "[]", 400, "messages"],
    ["no messages", {}, 400, "messages"],
    [
      "a message of nobody",
      chat("Hi", { messages: [{ role: "nobody", content: "" }] }),
      400,
      "messages.0.role",
    ],
    ["a temperature below 0", chat("Hi", { temperature: -1 }), 400, "temperature"],
    ["a bias of no token", chat("Hi", { logit_bias: { a: 1 } }), 400, "logit_bias.a"],
    ["another model", chat("Hi", { model: "gpt-5" }), 404, "model"],
    ["tools", chat("Hi", { tools: [{}] }), 400, "tools"],
    ["JSON mode", chat("Hi", { response_format: { type: "json_object" } }), 400, "response_format"],
    [
      "an image",
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:" } }] }] },
      400,
      "messages.0.content.0.type",
    ],
    ["a turn of a tool", { messages: [{ role: "tool", content: "1" }] }, 400, "messages.0.role"],
    ["top_logprobs alone", chat("Hi", { top_logprobs: 2 }), 400, "top_logprobs"],
    ["a misspelt setting", chat("Hi", { amulet: { preferenc: "Be brief." } }), 400, "amulet.preferenc"],
    ["a strength without a preference", chat("Hi", { guidance_scale: 2 }), 400, "amulet.preference"],
    [
      "a setting of another method",
      chat("Hi", { amulet: { preference: "Be brief.", method: "la", kl_budget: 1 } }),
      400,
      "amulet.kl_budget",
    ],
    [
      "two strengths",
      chat("Hi", { guidance_scale: 2, amulet: { guidance_scale: 3 } }),
      400,
      "guidance_scale",
    ],
    ["more answers than there is room for", chat("Hi", { n: 128 }), 400, "n"],
    ["a prompt longer than the context", chat("x".repeat(2000)), 400, null],
    ["one that is not even cut into tokens", chat("x".repeat(16_001)), 400, "messages"],
  ];

  test("each is in OpenAI's shape, names the field, and is told of in a sentence", async () => {
    const { post, ask } = await serve({ engine: parrot(says) });
    for (const [name, body, status, param] of refused) {
      const response = await post(path, body);
      const answer = await jsonOf(response);
      expect(v.parse(v.strictObject(errorSchema.entries), answer), name).toEqual(answer);
      expect([response.status, answer.error.param], name).toEqual([status, param]);
      expect(answer.error.message, name).toMatch(/^\S.*\.$/);
    }
    expect((await ask(path, chat("Hi"))).choices[0].message.content).toBe(says);
  });

  test("fields that nobody here knows are passed over, and null is a field left out", async () => {
    const { ask } = await serve({ engine: parrot(says) });
    const body = chat("Hi", {
      ...{
        tools: [{ type: "function" }],
        tool_choice: "none",
        response_format: { type: "text" },
        store: true,
        metadata: { a: 1 },
        amulet: null,
      },
      ...{
        stop: null,
        temperature: null,
        logit_bias: null,
        seed: null,
        max_tokens: null,
        n: null,
        stream: null,
      },
    });
    expect((await ask(path, body)).choices[0].message.content).toBe(says);
  });

  test("what clients send for nothing is nothing: a limit of -1, empty lists, an answer without words", async () => {
    const { ask, post } = await serve({ engine: parrot((prompt) => prompt) });
    const messages = [
      { role: "user", content: "One?" },
      { role: "assistant", content: null, tool_calls: [] },
      { role: "assistant", tool_calls: null, audio: null },
      { role: "user", content: "Two?" },
    ];
    const limits = { max_tokens: -1, max_completion_tokens: -1 };
    const { choices } = await ask(path, { messages, ...limits });
    expect(choices[0].message.content).toBe("user: One?\nassistant: \nassistant: \nuser: Two?\n");
    const text = await ask("/v1/completions", { prompt: "a", max_tokens: -1, top_p: 0, temperature: 1 });
    expect(text.choices).toHaveLength(1);
    for (const wrong of [0, -2]) {
      const response = await post(path, { messages, max_tokens: wrong });
      expect([response.status, (await jsonOf(response)).error.param]).toEqual([400, "max_tokens"]);
    }
    const seeded = { messages, seed: Number.MAX_SAFE_INTEGER, n: 3, temperature: 0.01 };
    expect((await ask(path, seeded)).choices).toHaveLength(3);
    for (const message of [
      { role: "user", content: null },
      { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
    ])
      expect((await post(path, { messages: [message] })).status).toBe(400);
  });

  test("a prompt of texts and ids together is told what a prompt may be", async () => {
    const { ask } = await serve({ engine: parrot(says) });
    for (const prompt of [["a", [1]], [[1], "a"], { text: "a" }, 3, [1, "a"]]) {
      const { error } = await ask("/v1/completions", { prompt });
      expect(error, JSON.stringify(prompt)).toMatchObject({
        message:
          "prompt is wrong: it must be a text, a list of texts, a list of token ids, or a list of such lists.",
        param: "prompt",
      });
    }
    expect((await ask("/v1/completions", {})).error.message).toBe("prompt is missing.");
  });

  test("a packed body is refused by the name of its header", async () => {
    const { post } = await serve({ engine: parrot(says) });
    const packed = gzipSync(JSON.stringify(chat("Hi")));
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const response = await post(path, "", { body: packed, headers });
    const { error } = await jsonOf(response);
    expect([response.status, error.code]).toEqual([415, "unsupported_content_encoding"]);
    expect(error.message).toContain('its content-encoding is "gzip"');
    const plain = await post(path, chat("Hi"), { headers: { "content-encoding": "identity" } });
    expect(plain.status).toBe(200);
    await plain.text();
  });

  test("no key, a wrong key and the right one; health asks for none", async () => {
    const { fetch } = await serve({ engine: parrot(says), apiKey: "secret" });
    const statusWith = async (authorization?: string) =>
      (await fetch("/v1/models", { headers: authorization === undefined ? {} : { authorization } })).status;
    expect(await statusWith()).toBe(401);
    for (const wrong of ["Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Basic secret", "secret"])
      expect(await statusWith(wrong), wrong).toBe(401);
    expect(await statusWith("Bearer secret")).toBe(200);
    expect((await fetch("/health")).status).toBe(200);
    for (const path of ["/metrics", "/openapi.json", "/nowhere"])
      expect((await fetch(path)).status).toBe(401);
  });

  test("a page that gave its name this machine's address is not answered, unless it has the key", async () => {
    /** Not by fetch, which lets nobody choose the host. */
    const statusAs = (address: string, host: string, headers = {}) =>
      new Promise((resolve) => {
        get(`${address}/v1/models`, { headers: { host, ...headers } }, (response) =>
          resolve(response.resume().statusCode),
        );
      });
    const { server } = await serve({ engine: parrot(says) });
    for (const own of [
      "localhost",
      "LOCALHOST:8080",
      "127.0.0.1:1",
      "[::1]:8080",
      "amulet.localhost",
      "10.0.0.7",
    ])
      expect(await statusAs(server.address, own), own).toBe(200);
    for (const foreign of [
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example:8080",
      "evillocalhost",
    ])
      expect(await statusAs(server.address, foreign), foreign).toBe(403);
    const { server: locked } = await serve({ engine: parrot(says), apiKey: "secret" });
    expect(await statusAs(locked.address, "amulet.example", { authorization: "Bearer secret" })).toBe(200);
  });

  test("a page of another origin is let in where it was named", async () => {
    const { fetch, post } = await serve({
      engine: parrot(says),
      cors: ["https://chat.example"],
      apiKey: "secret",
    });
    const headers = { origin: "https://chat.example", "access-control-request-method": "POST" };
    const asked = await fetch(path, { method: "OPTIONS", headers });
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-origin")).toBe("https://chat.example");
    const keyless = await post(path, chat("Hi"), { headers: { origin: "https://chat.example" } });
    expect(keyless.status).toBe(401);
    expect(keyless.headers.get("access-control-allow-origin")).toBe("https://chat.example");
    const streamed = await post(path, chat("Hi", { stream: true }), {
      headers: { origin: "https://chat.example", authorization: "Bearer secret" },
    });
    expect(streamed.headers.get("access-control-allow-origin")).toBe("https://chat.example");
    await streamed.text();
    const other = await fetch(path, {
      method: "OPTIONS",
      headers: { ...headers, origin: "https://other.example" },
    });
    expect(other.headers.get("access-control-allow-origin")).toBe(null);
  });

  test.each([["*"], [["*"]], [["https://chat.example", "*"]]])(
    "%j lets in pages of all origins",
    async (cors) => {
      const { post } = await serve({ engine: parrot(says), cors });
      const { headers } = await post(path, chat("Hi"), { headers: { origin: "https://other.example" } });
      expect(headers.get("access-control-allow-origin")).toBe("*");
    },
  );

  test("what no browser sends as an origin lets in nobody, and is refused at the start", async () => {
    const start = (cors: string | string[]) => startServer({ engine: parrot(says), port: 0, cors });
    for (const wrong of ["https://chat.example/", "https://Chat.example", "https://chat.example/app"])
      await expect(start(["https://chat.example", wrong]), wrong).rejects.toThrow(
        `The option cors.1 is wrong: it must be an origin, such as https://chat.example, or * for all; it is "${wrong}"; ` +
          "browsers write it https://chat.example.",
      );
    for (const wrong of ["https://chat.example:443", "chat.example", "null", "file:///page.html", "", " *"])
      await expect(start(wrong), wrong).rejects.toThrow("The option cors is wrong: it must be an origin");
    for (const right of ["http://localhost:3000", "http://[::1]:3000", "app://notes.example"])
      await (await start(right)).close(0);
  });
});
