/** Servers for the tests of a file, which are closed behind each test; and ways to ask them. */
import type { ChatModel, Engine } from "@amulet-ts/core";
import { Parrot } from "@amulet-ts/testing/models/parrot";
import type { Parsed } from "@amulet-ts/testing/server/event-stream";
import { afterEach } from "vitest";
import { type RequestRecord, type RunningServer, type ServerOptions, startServer } from "../src/index.js";

const servers: RunningServer[] = [];

/** Call it where `withoutLeaks` was called: hooks run from the last one to the first, and servers hold tensors. */
export function closesServers(): void {
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close(0);
  });
}

export interface Serving {
  readonly server: RunningServer;
  /** Of requests that are over. */
  readonly records: RequestRecord[];
  fetch(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  /** The JSON of an answer. */
  ask(path: string, body: unknown): Promise<Parsed>;
}

export async function serve(
  options: Partial<ServerOptions> & Pick<ServerOptions, "engine">,
): Promise<Serving> {
  const records: RequestRecord[] = [];
  const server = await startServer({ port: 0, onRequest: (record) => records.push(record), ...options });
  servers.push(server);
  if (typeof options.engine !== "function") await server.ready;
  const fetchPath = (path: string, init?: RequestInit) => fetch(server.address + path, init);
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    fetchPath(path, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...init,
    });
  const ask = async (path: string, body: unknown) => (await post(path, body)).json();
  return { server, records, fetch: fetchPath, post, ask };
}

/** A toy behind the port of engines: its tokens are characters. */
export function engineOf(model: ChatModel): Engine {
  const dispose = async () => {};
  return {
    model,
    tokenizer: {
      encode: (text) => [...text].map((character) => character.charCodeAt(0) % model.vocabularySize),
      decode: (ids) => String.fromCharCode(...ids),
      piece: (id) => String.fromCharCode(id),
    },
    source: "a toy",
    backend: { name: "wasm", description: "a toy", version: "0" },
    notes: [],
    loadMs: 0,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Says this after every prompt, a character a token. */
export const parrot = (says: ConstructorParameters<typeof Parrot>[0]) => engineOf(new Parrot(says));

export const chat = (content: string, change: object = {}) => ({
  messages: [{ role: "user", content }],
  ...change,
});

export async function jsonOf(response: Response): Promise<Parsed> {
  return response.json();
}

/** Until it holds; a test that waits in vain ends by its own time. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
