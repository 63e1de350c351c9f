/**
 * Clients as people have them, in processes of their own, each before a server that is busy at first: what they make of its
 * answers is what `amulet generate` says.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { baseMethod, chooseGreedily, decode, type Engine } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { type RequestRecord, type RunningServer, startServer } from "@amulet-ts/server";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { AMULET_CLIENTS: folder = here("../../node_modules/.cache/clients") } = process.env;
const python = join(folder, "python/bin/python3");
const [hasPackages, hasPython] = [join(folder, "node_modules/openai"), python].map(existsSync);
if (!hasPackages || !hasPython) {
  console.warn(
    `Skipped: tests of clients need the packages of npm and PyPI that .ci/run installs in ${folder}, which AMULET_CLIENTS replaces; ` +
      `there are ${hasPackages ? "those of npm" : hasPython ? "those of PyPI" : "none"}.`,
  );
}

withoutLeaks("wasm");

const key = "a key of this test";
const question = "How do I make a cup of tea?";
const preference = "Your answer should be uplifting.";
const maxTokens = 12;

let engine: Engine;
const servers: RunningServer[] = [];
beforeAll(async () => {
  engine = await openEngine({ backend: "wasm" });
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(0);
});
afterAll(() => engine?.dispose());

/** No token ends the answer. */
const endless = () => Object.fromEntries([...engine.model.endTokens].map((id) => [id, -100]));

async function serve(options: Partial<Parameters<typeof startServer>[0]> = {}) {
  const records: RequestRecord[] = [];
  const server = await startServer({
    ...{ engine, name: "embedded", port: 0, apiKey: key, profiles: { profile: preference } },
    onRequest: (record) => records.push(record),
    ...options,
  });
  servers.push(server);
  await server.ready;
  return { server, records };
}

/** Computes a few tokens, and no more until the signal comes: whoever is late finds the place taken all the same. */
function waitingFor(signal: AbortSignal): Engine {
  const { model } = engine;
  let passes = 4;
  const come = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const openSession = (rowCount: number) => {
    const session = model.openSession(rowCount);
    const append = session.append.bind(session);
    session.append = async (...given) => {
      if (passes-- <= 0) await come;
      return append(...given);
    };
    return session;
  };
  return { ...engine, model: Object.assign(Object.create(model), { openSession }) };
}

/** A server with one place, and who has it until somebody was sent away. */
async function serveBusily() {
  const leaving = new AbortController();
  const served = await serve({
    ...{ engine: waitingFor(leaving.signal), parallel: 1, queue: 0 },
    onRequest: (record) => {
      served.records.push(record);
      if (record.status === 429) leaving.abort();
    },
  });
  const messages = [{ role: "user", content: question }];
  const response = await fetch(`${served.server.address}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ messages, stream: true, max_tokens: 200, logit_bias: endless() }),
    signal: leaving.signal,
  });
  const occupied = readText(response.body as never).catch(() => "gone");
  return { ...served, occupied };
}

async function run(command: string, words: readonly string[]): Promise<string> {
  const child = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"] });
  const [out, error] = await Promise.all([readText(child.stdout), readText(child.stderr)]);
  if (out === "") throw new Error(`${words.join(" ")} said nothing but: ${error}`);
  return out;
}

const clients = {
  openai: ["openai.mjs", "completions", "probabilities", "models"],
  "ai-sdk": ["ai-sdk.mjs"],
  langchain: ["langchain.mjs", "probabilities"],
  "openai in Python": ["openai_client.py", "completions", "probabilities", "models"],
} as const;

async function ask(name: keyof typeof clients, address: string) {
  const script = here(`clients/${clients[name][0]}`);
  const asked = { address, key, model: "embedded", question, preference, maxTokens, endless: endless() };
  const [command, words] = script.endsWith(".py") ? [python, [script]] : [process.execPath, [script, folder]];
  return JSON.parse(await run(command, [...words, JSON.stringify(asked)]));
}

async function generate(...words: string[]) {
  const command = ["generate", question, "--backend", "wasm", "--max-new-tokens", `${maxTokens}`, "--json"];
  return JSON.parse((await amulet([...command, ...words])).stdout);
}

/** What follows the question where no chat is made of it. */
async function goOn(): Promise<string> {
  const base = engine.tokenizer.encode(question);
  const request = { base, method: baseMethod(), choose: chooseGreedily, maxNewTokens: maxTokens };
  const ids: number[] = [];
  for await (const event of decode(engine.model, [request])) if (event.type === "token") ids.push(event.id);
  return engine.tokenizer.decode(ids);
}

test.skipIf(!hasPackages || !hasPython)(
  "every client reads the answers of generate, whole, in pieces and with probabilities; waits, leaves, and hears its errors",
  async () => {
    const [plain, preferred, continued] = [
      await generate("--method", "base"),
      await generate("--preference", preference, "--explain"),
      await goOn(),
    ];
    const names = Object.keys(clients) as (keyof typeof clients)[];
    const said = await Promise.all(
      names.map(async (name) => {
        const { server, records, occupied } = await serveBusily();
        const own = await ask(name, server.address);
        expect(await occupied, name).toBe("gone");
        return { name, own, records, server };
      }),
    );
    for (const { name, own, records, server } of said) {
      const { base, preference: longer } = preferred.promptTokens;
      expect(own, name).toMatchObject({
        plain: plain.text,
        preferred: preferred.text,
        profile: preferred.text,
        streamed: preferred.text,
        usage: { prompt_tokens: base + longer, completion_tokens: preferred.ids.length },
        heard: 3,
        failures: { key: { status: 401 }, model: { status: 404 } },
      });
      expect(own.pieces, name).toBeGreaterThan(1);
      const can: readonly string[] = clients[name];
      if (can.includes("models")) {
        expect(own.models, name).toEqual(["embedded", "embedded:profile"]);
        const tools = { status: 400, code: "unsupported_value", param: "tools" };
        expect(own.failures.tools, name).toMatchObject(tools);
      }
      if (can.includes("completions")) expect(own.continued, name).toBe(continued);
      if (can.includes("probabilities")) {
        expect(own.probable.length, name).toBe(preferred.tokens.length);
        for (const [i, { text, probability }] of preferred.tokens.entries()) {
          expect(own.probable[i].token, name).toBe(text);
          expect(Math.exp(own.probable[i].logprob), name).toBeCloseTo(probability, 4);
          expect(own.probable[i].top_logprobs.length, name).toBe(3);
        }
      }
      // It was sent away and came again; whom it left is one, and who had the place before.
      expect(records.filter(({ status }) => status === 429).length, name).toBeGreaterThan(0);
      expect(records.filter(({ ended }) => ended === "gone").length, name).toBe(2);
      expect(server.load, name).toMatchObject({ running: 0, waiting: 0 });
    }
  },
  120_000,
);

describe.skipIf(!hasPython)("llm-comply", () => {
  test("finds no fault but what is refused with a reason, and that a model need not be named", async () => {
    const { server } = await serve();
    const command = [
      "--format",
      "openai-chat",
      "-u",
      `${server.address}/v1`,
      "-k",
      key,
      "-m",
      "embedded",
      "--json",
    ];
    const { results } = JSON.parse(await run(join(folder, "python/bin/llm-comply"), command));
    const found = (status: string) =>
      results.flatMap((one: { id: string; status: string }) => (one.status === status ? [one.id] : []));
    expect(found("passed")).toEqual([
      "chat-basic-response",
      "chat-system-prompt",
      "chat-multi-turn",
      "chat-streaming-response",
      "chat-streaming-usage",
    ]);
    expect(found("failed")).toEqual(["chat-tool-calling", "chat-image-input", "chat-error-handling"]);
  });
});
