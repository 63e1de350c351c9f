/** Tokens that are parts of characters, as completions of texts name them and tell where they begin. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { allEvents, type Parsed } from "@amulet-ts/testing/server/event-stream";
import { expect, test } from "vitest";
import { closesServers, parrot, serve } from "./serving.js";

withoutLeaks("wasm");
closesServers();

const spellings: Readonly<Record<number, readonly number[]>> = {
  ...{ 119: [0xf0], 120: [0x9f], 121: [0x8d], 122: [0xb5] },
  ...{ 1: [0x20, 0xe2], 2: [0x5c, 0xe2, 0x80], 3: [0x41], 4: [0x41], 5: [0xe2], 6: [0xef, 0xbb, 0xbf] },
};

/** Its tokens are bytes, and `wxyz` is a cup of tea. */
function teaEngine(says: string) {
  const engine = parrot(says);
  const bytes = (id: number) => Uint8Array.from(spellings[id] ?? [id]);
  engine.model.textStream = () => {
    const decoder = new TextDecoder();
    return {
      push: (id) => decoder.decode(bytes(id), { stream: true }),
      flush: () => decoder.decode(),
    };
  };
  return { ...engine, tokenizer: { ...engine.tokenizer, bytes, piece: (id: number) => `piece ${id}` } };
}

const body = { prompt: [65], logprobs: 8, max_tokens: 9 };

test("each has a name of its own, and begins where the text that was sent goes on", async () => {
  // The first is not said: a prompt of one token stands in its place.
  const { ask, post } = await serve({ engine: teaEngine("-a wxyz!") });
  const [{ text, logprobs }] = (await ask("/v1/completions", body)).choices;
  expect(text).toBe("a 🍵!");
  const parts = ["bytes:\\xf0", "bytes:\\x9f", "bytes:\\x8d", "bytes:\\xb5"];
  expect(logprobs.tokens).toEqual(["a", " ", ...parts, "!"]);
  expect(logprobs.text_offset).toEqual([0, 1, 2, 2, 2, 2, 4]);
  for (const [i, token] of logprobs.tokens.entries())
    expect(Object.keys(logprobs.top_logprobs[i]), token).toEqual([
      ...[token, "\0", "bytes: \\xe2", "bytes:\\\\\\xe2\\x80", "A", "piece 4", "bytes:\\xe2", "\ufeff"],
    ]);
  const events = await allEvents(await post("/v1/completions", { ...body, stream: true }));
  const streamed = events.flatMap((event: Parsed) => event.choices?.[0].logprobs ?? []);
  for (const field of ["tokens", "text_offset", "top_logprobs"])
    expect(streamed.flatMap((some) => some[field])).toEqual(logprobs[field]);
});

test("the token that was said is called as among the candidates", async () => {
  const { ask } = await serve({ engine: teaEngine("-\x04") });
  const bias = { 3: 20, 4: -20 };
  const [{ logprobs }] = (await ask("/v1/completions", { ...body, logit_bias: bias, max_tokens: 1 })).choices;
  const [[best, second]] = logprobs.top_logprobs.map(Object.keys);
  expect([best, second]).toEqual(["A", "\0"]);
  expect(logprobs.tokens).toEqual(["piece 3"]);
});
