/** Whole policies with every token are many bytes: what can't be sent is refused before it is computed. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { allEvents, type Parsed } from "@amulet-ts/testing/server/event-stream";
import { expect, test } from "vitest";
import { chat, closesServers, jsonOf, parrot, serve } from "./serving.js";

withoutLeaks("wasm");
closesServers();

// Policies of 128 tokens are 1 KiB for every token of an answer, of which the context has room for nearly 1000.
const preference = "Be brief.";
const amulet = { preference, explain: { policies: true } };
const says = "Hi";
const path = "/v1/chat/completions";

test("whole answers have a bound, which counts all of them, and streams a larger one", async () => {
  const { ask, post, server } = await serve({ engine: parrot(says), queue: 10_000 });
  const refusal = async (path: string, body: object) => {
    const response = await post(path, body);
    expect(response.status).toBe(400);
    const { error } = await jsonOf(response);
    expect(error.param).toBe("amulet.explain.policies");
    return error.message;
  };
  const tooMany = chat("Hi", { n: 72, max_tokens: 960, amulet });
  expect(await refusal(path, tooMany)).toBe(
    "amulet.explain.policies takes 1,024 bytes a token here, and the answers may have 69,120 tokens, n and prompts counted: " +
      "that is 70,778,880 bytes, and at most 67,108,864 are given with whole answers. Ask for at most 65,536 tokens by " +
      "max_tokens, or for a stream, which may have 524,288, or for amulet.explain.alternatives alone.",
  );
  const prompts = { prompt: Array.from({ length: 36 }, () => "a"), max_tokens: 960, amulet };
  await refusal("/v1/completions", { ...prompts, n: 2 });
  expect(
    await refusal("/v1/completions", {
      ...{ ...prompts, prompt: Array.from({ length: 128 }, () => "a"), n: 8, stream: true },
    }),
  ).toContain(
    "at most 536,870,912 are given in a stream. Ask for at most 524,288 tokens by max_tokens, or for am",
  );
  expect(server.load?.saidTokens).toBe(0);
  const streamed = await allEvents(await post(path, { ...tooMany, stream: true }));
  expect(streamed.filter((event: Parsed) => event.choices?.[0].amulet?.tokens[0].policies)).toHaveLength(
    72 * says.length,
  );
  expect((await ask(path, { ...tooMany, max_tokens: 1 })).choices).toHaveLength(72);
});
