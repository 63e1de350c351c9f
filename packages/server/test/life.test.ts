/** A server from its start to its end: who waits, who goes away, who reads slowly, what fails, and what is left. */

import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { allEvents, eventsOf } from "@amulet-ts/testing/server/event-stream";
import { describe, expect, test } from "vitest";
import { ServerError, startServer } from "../src/index.js";
import { EndlessModel } from "./endless-model.js";
import { chat, closesServers, engineOf, jsonOf, parrot, serve, until } from "./serving.js";

withoutLeaks("wasm");
closesServers();

const path = "/v1/chat/completions";

/** Room for several that are as long. */
const heldTokens = 10_000_000;
const endless = (change: object = {}) => chat("Go on", { max_tokens: 90_000, stream: true, ...change });

test("many answers to one request are no leak to warn of", async () => {
  const warned: Error[] = [];
  const take = (warning: Error) => warned.push(warning);
  process.on("warning", take);
  try {
    const { ask } = await serve({ engine: parrot("Hi") });
    expect((await ask(path, chat("Hi", { n: 16 }))).choices).toHaveLength(16);
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("warning", take);
  }
  expect(warned).toEqual([]);
});

test("while a long text is cut into tokens, whoever is being answered gets theirs", async () => {
  const model = new EndlessModel();
  const said: string[] = [];
  const waited: number[] = [];
  /** Goes on until three tokens more have come to the other, which they never do where it is not left in between. */
  function* untilOthersSpoke<T>(value: T) {
    const before = said.length;
    for (let step = 0; said.length < before + 3; step++) {
      if (step > 1e6) throw new Error("Nobody else had a turn.");
      yield;
    }
    waited.push(said.length - before);
    return value;
  }
  const engine = engineOf(
    Object.assign(model, {
      renderChatSteps: (messages: readonly { readonly content: string }[]) =>
        messages[0]!.content.startsWith("long")
          ? untilOthersSpoke(model.renderChat(messages))
          : finished(model.renderChat(messages)),
    }),
  );
  const encodeSteps = (text: string) => untilOthersSpoke([...text].map(() => 1));
  const { post, ask } = await serve({
    engine: { ...engine, tokenizer: { ...engine.tokenizer, encodeSteps } },
    heldTokens,
  });
  const leaving = new AbortController();
  const running = await post(path, endless(), { signal: leaving.signal });
  const read = (async () => {
    for await (const event of eventsOf(running)) said.push(event);
  })().catch(() => {});
  await until(() => said.length > 3);
  const chats = await ask(path, chat("long", { max_tokens: 2, amulet: { preference: "longer" } }));
  expect(chats.usage.completion_tokens).toBe(2);
  const text = await ask("/v1/completions", { prompt: "long", max_tokens: 2 });
  expect(text.usage.completion_tokens).toBe(2);
  expect((await ask("/tokenize", { content: "long" })).tokens).toEqual([1, 1, 1, 1]);
  expect((await ask("/apply-template", chat("long"))).prompt).toBe("long");
  // Base and preference, a text, and both endpoints.
  expect(waited.length).toBe(5);
  leaving.abort();
  await read;
});

function* finished<T>(value: T): Generator<undefined, T, undefined> {
  yield;
  return value;
}

describe("the beginning", () => {
  test("not ready until the model is there; requests before that are to come again", async () => {
    const opening: { resolve?: () => void } = {};
    const engine = () =>
      new Promise<ReturnType<typeof parrot>>((resolve) => {
        opening.resolve = () => resolve(parrot("Hello"));
      });
    const { server, fetch, post, ask } = await serve({ engine });
    for (const response of [await fetch("/health"), await post(path, chat("Hi"))]) {
      expect(response.status).toBe(503);
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await jsonOf(response)).error.code).toBe("model_not_ready");
    }
    opening.resolve!();
    await server.ready;
    expect(await (await fetch("/health")).json()).toEqual({ status: "ok" });
    expect((await ask(path, chat("Hi"))).choices[0].message.content).toBe("Hello");
  });

  test("a port that is taken, and options that are wrong, are told in a sentence", async () => {
    const { server } = await serve({ engine: parrot("Hello") });
    const port = Number(new URL(server.address).port);
    const refused = (options: object) =>
      startServer({ engine: parrot("Hello"), port: 0, ...options }).catch((e) => e);
    const taken = await refused({ port });
    expect(taken).toBeInstanceOf(ServerError);
    expect(taken).toMatchObject({
      code: "not-listening",
      message: expect.stringContaining("something else listens"),
    });
    for (const options of [
      { port: -1 },
      { profiles: { "a b": "x" } },
      { parallel: 0 },
      { engine: 3 },
      { hots: "" },
    ])
      expect(await refused(options), JSON.stringify(options)).toMatchObject({
        name: "ServerError",
        code: "bad-request",
      });
  });
});

describe("many at once", () => {
  test("who finds no room waits and is told so; who finds no place in the queue is to come again", async () => {
    const options = { parallel: 1, queue: 1, heartbeatMs: 20 };
    const { server, post } = await serve({ engine: engineOf(new EndlessModel()), ...options });
    const first = eventsOf(await post(path, endless()));
    await first.next();
    const second = await post(path, endless({ max_tokens: 2 }));
    const third = await post(path, endless());
    expect(third.status).toBe(429);
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await jsonOf(third)).error).toMatchObject({
      type: "rate_limit_error",
      code: "rate_limit_exceeded",
    });
    expect(server.load).toMatchObject({ running: 1, waiting: 1 });
    const events: string[] = [];
    for await (const event of eventsOf(second)) {
      events.push(event);
      // Its turn comes when the first one goes.
      if (event === ": waiting, place 1") await first.return();
    }
    expect(events).toContain(": waiting, place 1");
    expect(events.at(-1)).toBe("[DONE]");
  });

  test("a client that goes away frees its rows at once, streaming or not; the others' tokens stay", async () => {
    const { server, post, ask, records } = await serve({ engine: engineOf(new EndlessModel()), heldTokens });
    const { choices } = await ask(path, endless({ stream: false, max_tokens: 50 }));
    const leaving = [new AbortController(), new AbortController()] as const;
    const whole = post(path, endless({ stream: false }), { signal: leaving[0].signal });
    whole.catch(() => {});
    const streamed = eventsOf(await post(path, endless(), { signal: leaving[1].signal }));
    for (let i = 0; i < 5; i++) await streamed.next();
    await until(() => server.load!.running === 2);
    const beside = ask(path, endless({ stream: false, max_tokens: 50 }));
    await Promise.race([beside, until(() => server.load!.running === 3)]);
    for (const one of leaving) one.abort();
    expect((await beside).choices).toEqual(choices);
    await until(() => server.load!.running === 0);
    await until(() => records.length === 4);
    expect(records.map(({ ended }) => ended).sort()).toEqual(["gone", "gone", "length", "length"]);
  });

  test("a reader that is behind for too long is cut off, and its rows are free", async () => {
    const options = { slowReaderMs: 200, heldTokens };
    const { server, records } = await serve({ engine: engineOf(new EndlessModel()), ...options });
    const { hostname, port } = new URL(server.address);
    const body = JSON.stringify(
      endless({ n: 8, amulet: { preference: "On", explain: { alternatives: 20 } } }),
    );
    // A socket that reads nothing but what the system takes on its own.
    const socket = connect(Number(port), hostname);
    socket.pause();
    socket.on("error", () => {});
    socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await until(() => records.length === 1);
    expect(records[0]).toMatchObject({ status: 200, ended: "cut" });
    await until(() => server.load!.running === 0);
    socket.destroy();
  });
});

describe("what fails", () => {
  test("a forward pass that fails ends those that run with an error, and the server goes on", async () => {
    const model = new EndlessModel();
    const { post, ask, records, server } = await serve({ engine: engineOf(model), heldTokens });
    const streams = [eventsOf(await post(path, endless())), eventsOf(await post(path, endless()))];
    for (const stream of streams) for (let i = 0; i < 3; i++) await stream.next();
    const whole = post(path, endless({ stream: false }));
    await until(() => server.load!.running === 3);
    model.fails = true;
    for (const stream of streams) {
      const events = [];
      for await (const event of stream) events.push(event);
      expect(events.at(-1).error).toMatchObject({ type: "server_error", message: "the device is lost" });
    }
    expect((await whole).status).toBe(500);
    expect((await jsonOf(await whole)).error.type).toBe("server_error");
    model.fails = false;
    expect(
      (await ask(path, endless({ stream: false, max_tokens: 4 }))).choices[0].message.content,
    ).toHaveLength(4);
    expect(records.filter(({ error }) => error?.code === "failed")).toHaveLength(3);
  });

  test("a body that is too long is refused while it arrives, announced or not", async () => {
    const { server, ask } = await serve({ engine: parrot("Hello"), bodyBytes: 1000 });
    const { hostname: host, port } = new URL(server.address);
    for (const headers of [{ "content-length": 100_000_000 }, { "transfer-encoding": "chunked" }]) {
      let sent = 0;
      const status = await new Promise((resolve) => {
        const sending = httpRequest({ host, port, path, method: "POST", headers }, (response) => {
          resolve(response.statusCode);
          sending.destroy();
        });
        sending.on("error", () => {});
        const send = () => {
          if (sending.destroyed) return;
          sent += 400;
          sending.write("x".repeat(400));
          setImmediate(send);
        };
        send();
      });
      expect(status).toBe(413);
      expect(sent).toBeLessThan(50_000_000);
    }
    expect((await ask(path, chat("Hi"))).choices[0].message.content).toBe("Hello");
  });

  test("a body that does not arrive in time is refused", async () => {
    const { server, ask } = await serve({ engine: parrot("Hello"), bodyMs: 50 });
    const { hostname: host, port } = new URL(server.address);
    const answered = await new Promise<string>((resolve) => {
      const headers = { "content-length": 100 };
      const sending = httpRequest({ host, port, path, method: "POST", headers }, async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        resolve(`${response.statusCode} ${JSON.parse(text).error.code}`);
        sending.destroy();
      });
      sending.on("error", () => {});
      sending.write("{");
    });
    expect(answered).toBe("408 request_timeout");
    expect((await ask(path, chat("Hi"))).choices[0].message.content).toBe("Hello");
  });
});

describe("the end", () => {
  test("running answers end within the grace time, new requests are refused, and nothing is left", async () => {
    const model = new EndlessModel();
    const { server, post } = await serve({ engine: engineOf(model), heldTokens });
    // Enough that it still runs when somebody else asks.
    const running = allEvents(await post(path, endless({ max_tokens: 3000 })));
    await until(() => server.load!.running === 1);
    const closing = server.close(60_000);
    const refused = await post(path, chat("Hi"));
    expect([refused.status, (await jsonOf(refused)).error.code]).toEqual([503, "server_closing"]);
    const events = await running;
    expect(events.at(-1)).toBe("[DONE]");
    expect(events.at(-2).choices[0].finish_reason).toBe("length");
    await closing;
    expect(model.openSessions).toBe(0);
    await expect(post(path, chat("Hi"))).rejects.toThrow();
  });

  test("what has not ended by then is ended with an error", async () => {
    const model = new EndlessModel();
    const { server, post } = await serve({ engine: engineOf(model), heldTokens });
    const running = allEvents(await post(path, endless()));
    const whole = post(path, endless({ stream: false }));
    await until(() => server.load!.running === 2);
    await server.close(20);
    expect((await running).at(-1).error.code).toBe("server_closing");
    expect((await whole).status).toBe(503);
    expect(model.openSessions).toBe(0);
  });
});

test("metrics count what was asked, said and refused", async () => {
  const { ask, post, fetch } = await serve({ engine: parrot("Hello"), profiles: { brief: "Be brief." } });
  const { usage } = await ask(path, chat("Hi", { model: "toy:brief" }));
  await post(path, "{");
  await fetch("/a/path/that/anybody/makes/up");
  const metrics = await (await fetch("/metrics")).text();
  expect(metrics).toContain(`amulet_requests_total{endpoint="${path}",status="200"} 1`);
  expect(metrics).toContain(`amulet_requests_total{endpoint="${path}",status="400"} 1`);
  expect(metrics).toContain('amulet_requests_total{endpoint="other",status="404"} 1');
  expect(metrics).toContain("amulet_tokens_total 5");
  const { base_tokens, preference_tokens } = usage.prompt_tokens_details;
  expect(metrics).toContain(`amulet_prompt_tokens_total{prompt="base"} ${base_tokens}`);
  expect(metrics).toContain(`amulet_prompt_tokens_total{prompt="preference"} ${preference_tokens}`);
  expect(metrics).toContain("amulet_first_token_seconds_count 1");
  expect(metrics).toContain("amulet_running 0");
});
