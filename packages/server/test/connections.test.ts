/** What connections do to a server: clients that go at any moment, requests behind others, old clients, broken addresses. */

import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { allEvents } from "@amulet-ts/testing/server/event-stream";
import { describe, expect, test } from "vitest";
import type { RunningServer } from "../src/index.js";
import { EndlessModel } from "./endless-model.js";
import { chat, closesServers, engineOf, jsonOf, parrot, serve, until } from "./serving.js";

withoutLeaks("wasm");
closesServers();

const path = "/v1/chat/completions";
const heldTokens = 10_000_000;
const endless = (change: object = {}) => chat("Go on", { max_tokens: 90_000, stream: true, ...change });

/** Its chats are being rendered until they are let go. */
class SlowTemplate extends EndlessModel {
  rendering = 0;
  letGo = false;

  *renderChatSteps(messages: readonly { readonly content: string }[]) {
    this.rendering++;
    while (!this.letGo) yield;
    return this.renderChat(messages);
  }
}

function open({ address }: RunningServer): Socket {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  return socket;
}

const post = (body: string, version = "1.1") =>
  `POST ${path} HTTP/${version}\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

/** Sends it, and reads until the server closes the connection. */
async function exchange(server: RunningServer, request: string) {
  const socket = open(server);
  socket.write(request);
  let text = "";
  for await (const chunk of socket) text += chunk;
  const at = text.indexOf("\r\n\r\n");
  return { head: text.slice(0, at).toLowerCase(), body: text.slice(at + 4) };
}

describe("who goes", () => {
  test("while its chat is rendered is not answered, and closing does not wait for it", async () => {
    const model = new SlowTemplate();
    const { server, post, ask, records } = await serve({ engine: engineOf(model) });
    const leaving = new AbortController();
    const asked = post(path, endless(), { signal: leaving.signal });
    asked.catch(() => {});
    await until(() => model.rendering === 1);
    leaving.abort();
    await until(() => records.length === 1);
    model.letGo = true;
    // Rendered behind it: when this one is answered, that one was about to be.
    await ask(path, endless({ stream: false, max_tokens: 3 }));
    expect(server.load?.running).toBe(0);
    await server.close(600_000);
    expect(records[0]).toMatchObject({ ended: "gone", tokens: 0 });
  });

  test("with one request behind another on its connection ends both", async () => {
    const { server, records } = await serve({ engine: engineOf(new EndlessModel()), heldTokens });
    const socket = open(server);
    socket.write(post(JSON.stringify(endless())) + post(JSON.stringify(endless({ stream: false }))));
    await until(() => server.load?.running === 2);
    socket.destroy();
    await until(() => records.length === 2);
    expect(records.map(({ ended }) => ended)).toEqual(["gone", "gone"]);
    await until(() => server.load?.running === 0);
    await server.close(600_000);
  });
});

test("who waits behind another request of its connection is no slow reader", async () => {
  const { server, ask, records } = await serve({
    engine: engineOf(new EndlessModel()),
    heldTokens,
    slowReaderMs: 1,
  });
  const socket = open(server);
  socket.on("data", () => {});
  socket.write(post(JSON.stringify(endless())) + post(JSON.stringify(endless())));
  await until(() => server.load?.running === 2);
  await ask(path, endless({ stream: false, max_tokens: 50 }));
  socket.destroy();
  await until(() => records.length === 3);
  expect(records.map(({ ended }) => ended)).toEqual(["length", "gone", "gone"]);
});

describe("closing", () => {
  test("waits for what was let in before, rendered or still arriving", async () => {
    const model = new SlowTemplate();
    const { server, post } = await serve({ engine: engineOf(model) });
    const { hostname: host, port } = new URL(server.address);
    const body = JSON.stringify(endless({ stream: false, max_tokens: 3 }));
    const headers = { "content-length": body.length };
    const sending = httpRequest({ host, port, path, method: "POST", headers });
    const arriving = new Promise<number | undefined>((resolve, reject) => {
      sending.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject);
    });
    sending.write(body.slice(0, 10));
    const rendered = post(path, endless({ stream: false, max_tokens: 3 }));
    await until(() => model.rendering === 1);
    const closing = server.close(600_000);
    expect((await post(path, endless())).status).toBe(503);
    sending.end(body.slice(10));
    await until(() => model.rendering === 2);
    model.letGo = true;
    expect((await jsonOf(await rendered)).usage.completion_tokens).toBe(3);
    expect(await arriving).toBe(200);
    await closing;
  });

  test("tells who is still being rendered at the end of its time", async () => {
    const model = new SlowTemplate();
    const { server, post } = await serve({ engine: engineOf(model) });
    const rendered = post(path, endless());
    await until(() => model.rendering === 1);
    const closing = server.close(0);
    setTimeout(() => {
      model.letGo = true;
    }, 50);
    expect((await jsonOf(await rendered)).error.code).toBe("server_closing");
    await closing;
    expect(model.tokensRead).toBe(0);
  });

  test("takes more time than a timer does, and refuses what is none", async () => {
    const { server, post } = await serve({ engine: engineOf(new EndlessModel()), heldTokens });
    for (const graceMs of [Number.NaN, -1, "10" as unknown as number])
      await expect(server.close(graceMs)).rejects.toMatchObject({ name: "ServerError", code: "bad-request" });
    const running = allEvents(await post(path, endless({ max_tokens: 200 })));
    const closing = server.close(3_000_000_000);
    expect((await running).at(-1)).toBe("[DONE]");
    await closing;
  });
});

describe("HTTP/1.0", () => {
  test("has streams without chunks", async () => {
    const { server } = await serve({ engine: parrot("Hello") });
    const { head, body } = await exchange(server, post(JSON.stringify(chat("Hi", { stream: true })), "1.0"));
    expect(head).not.toContain("transfer-encoding");
    expect(body).toMatch(/^data: \{[\s\S]*\ndata: \[DONE\]\n\n$/);
  });

  test("need not name a host", async () => {
    const { server } = await serve({ engine: parrot("Hello") });
    const { head, body } = await exchange(server, "GET /health HTTP/1.0\r\n\r\n");
    expect(head).toContain(" 200 ");
    expect(JSON.parse(body)).toEqual({ status: "ok" });
  });
});

describe("an error in our shape, noted in a record", () => {
  test("for an address that can't be read", async () => {
    const { server, records } = await serve({ engine: parrot("Hello") });
    const request = "GET /a\\b HTTP/1.1\r\nhost: localhost\r\n\r\n";
    const { head, body } = await exchange(server, request);
    expect(head).toContain(" 400 ");
    expect(JSON.parse(body).error).toMatchObject({
      type: "invalid_request_error",
      message: expect.stringContaining("backslash"),
    });
    await until(() => records.length === 1);
    expect(records[0]).toMatchObject({ status: 400, endpoint: "other", error: { code: "bad-request" } });
    expect(head).toContain(records[0]!.id);
  });

  test("for a page that fails", async () => {
    const page = () => Promise.reject(new Error("no such disk"));
    const { fetch, records } = await serve({ engine: parrot("Hello"), page });
    const response = await fetch("/");
    expect(response.status).toBe(500);
    expect((await jsonOf(response)).error).toMatchObject({ type: "server_error", message: "no such disk" });
    await until(() => records.length === 1);
    expect(records[0]).toMatchObject({ status: 500, error: { code: "failed", message: "no such disk" } });
  });
});
