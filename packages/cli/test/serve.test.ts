/** `amulet serve` from its start to its end: where it listens, whom it answers, what it writes. */
import { amulet, type Surroundings } from "@amulet-ts/testing/cli/fake-io";
import { describe, expect, test } from "vitest";
import { useServer } from "./embedded-server.js";

const brief = "brief=Your answer should be concise.";
const messages = [{ role: "user", content: "How do I make a cup of tea?" }];
const words = ["serve", "--port", "0", "--backend", "wasm"];

const ask = (address: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${address}/chat/completions`, { method: "POST", body: JSON.stringify(body), headers });

/** Serves until `visit` has come back from it. @param written what standard error holds so far */
async function serving(
  options: readonly string[],
  visit: (address: string, written: () => string) => Promise<void>,
  around: Surroundings = {},
) {
  let visiting: Promise<void> | undefined;
  let written = "";
  const begin = (address: string, interrupt: () => void) => {
    visiting ??= visit(address, () => written).finally(interrupt);
  };
  const outcome = await amulet([...words, ...options], {
    ...around,
    onWrite(text, interrupt) {
      if (text.includes('"listening"')) begin(JSON.parse(text).listening, interrupt);
    },
    onNote(text, interrupt) {
      written += text;
      const [address] = /http:\S+\/v1/.exec(text) ?? [];
      if (address !== undefined) begin(address, interrupt);
    },
  });
  await visiting;
  return outcome;
}

test("with --json, standard output is a line of JSON for the start and one for each request", async () => {
  const { status, stdout, stderr } = await serving(["--json", "--profile", brief], async (address) => {
    const answer = await ask(address, { model: "embedded:brief", messages, max_tokens: 8 });
    expect(await answer.json()).toMatchObject({ choices: [{ finish_reason: "length" }] });
    for (const watched of ["/health", "/metrics"])
      await (await fetch(address.replace("/v1", watched))).text();
    await (await ask(address, { messages: 3 })).text();
  });
  expect([status, stderr]).toEqual([0, ""]);
  // Who watches leaves no line.
  const [start, answered, refused, ...more] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(start).toMatchObject({
    listening: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v1$/),
    model: "embedded",
  });
  expect(answered).toMatchObject({
    ...{ status: 200, model: "embedded:brief", tokens: 8, method: "bounded", budget: 0.2, ended: "length" },
    ...{
      promptTokens: { base: 13, preference: 19 },
      firstTokenMs: expect.any(Number),
      tokenMs: expect.any(Number),
    },
    x: expect.any(Number),
  });
  expect(more).toEqual([]);
  expect(refused).toMatchObject({ status: 400, tokens: 0, error: { code: "bad-request" } });
});

test("without, a line for people on standard error, in which nothing moves a cursor", async () => {
  const { status, stdout, stderr } = await serving(["--host", "0.0.0.0"], async (address) => {
    await (await ask(address, { messages, max_tokens: 3 })).text();
    await (await ask(address, { messages, model: "\x1b[2J" })).text();
  });
  expect([status, stdout]).toEqual([0, ""]);
  const lines = stderr.trim().split("\n");
  expect(lines[0]).toMatch(
    /^amulet: Whoever reaches http:\/\/0\.0\.0\.0:\d+ is answered: there is no --api-key\.$/,
  );
  expect(lines[1]).toMatch(
    /^amulet: embedded answers at http:.*\/v1, on wasm(; http:.* is a page about it)?\.$/,
  );
  expect(lines[2]).toBe(
    "amulet: Running answers hold at most 16,384 tokens, 33.6 MB (--held-tokens); 4,096 tokens, 8.4 MB more are kept for " +
      "prompts that begin alike (--prefix-tokens).",
  );
  expect(lines[3]).toMatch(
    /^req-\w{8} \/v1\/chat\/completions 200 · embedded · 13 \+ 0 prompt tokens · 3 tokens · first after .* s · .* ms each · x = 0 · length$/,
  );
  expect(lines[4]).toMatch(/ 404 · There is no model/);
  expect(stderr).not.toContain("\x1b");
});

test("on a terminal the last line says how things stand", async () => {
  const visit = async (address: string, written: () => string) => {
    await (await ask(address, { messages, max_tokens: 3 })).text();
    while (!/0 running · 0 waiting · \d+ tokens\/s · cache 0 \+ \d+ tokens kept/.test(written()))
      await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const { status, stderr } = await serving([], visit, { isTTY: true, environment: { TERM: "xterm" } });
  expect(status).toBe(0);
  expect(stderr).toContain("3 tokens · first after");
});

test("the key comes from the environment", async () => {
  const statuses: number[] = [];
  const visit = async (address: string) => {
    for (const authorization of ["Bearer secret", "Bearer other"])
      statuses.push((await ask(address, { messages, max_tokens: 1 }, { authorization })).status);
  };
  const { stderr } = await serving(["--host", "0.0.0.0"], visit, {
    environment: { AMULET_API_KEY: "secret" },
  });
  expect(statuses).toEqual([200, 401]);
  expect(stderr).not.toMatch(/secret|no --api-key/);
});

describe("over another server", () => {
  const behind = useServer("llamacpp");

  test("answers are generate's over the same one, and what it tells too little for is refused", async () => {
    const engine = ["--engine", behind(), "--candidates", "64"];
    const preference = "Your answer should be concise.";
    const question = [messages[0]!.content, "--preference", preference, "--max-new-tokens", "3"];
    const generated = await amulet(["generate", ...question, ...engine, "--json"]);
    expect(generated.status, generated.stderr).toBe(0);
    const { status, stderr } = await serving(engine, async (address) => {
      const body = { messages, max_tokens: 3, amulet: { preference } };
      const answer = await ask(address, body);
      expect(await answer.json()).toMatchObject({
        choices: [{ message: { content: JSON.parse(generated.stdout).text } }],
      });
      const unbounded = await ask(address, { ...body, guidance_scale: 3 });
      expect(unbounded.status).toBe(400);
      expect(await unbounded.json()).toMatchObject({ error: { code: "unsupported_value" } });
    });
    expect(status, stderr).toBe(0);
  });
});

test.each([
  [["--profile", "brief"], 2, "--profile must be NAME=TEXT"],
  [["--profile", brief, "--profile", brief], 2, "two profiles brief"],
  [["--cors", "https://chat.example/"], 2, "--cors must be an origin, such as https://chat.example, or *"],
  [["--port", "70000"], 2, "--port must be"],
  [["--port", "0", "--host", "256.0.0.1"], 1, "can't listen at 256.0.0.1"],
  [["--port", "0", "--model", "no/such/file.gguf"], 1, "no/such/file.gguf"],
])("%j: status %i and a sentence", async (options, expected, sentence) => {
  const { status, stderr } = await amulet(["serve", ...options]);
  expect(status).toBe(expected);
  expect(stderr).toContain(sentence);
});
