/** Servers for the tests of a file, which are closed behind each test; and ways to ask them. */
import type { ChatModel, Engine } from "@amulet-ts/core";
import { Parrot } from "@amulet-ts/testing/models/parrot";
import { afterEach } from "vitest";
import { type RequestRecord, type RunningServer, type ServerOptions, startServer } from "../src/index.js";

/** What came as JSON, of which each test says what it must be. */
export type Parsed = ReturnType<typeof JSON.parse>;

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

/** Server-sent events as they come: the data of each, parsed; comments as texts. */
export async function* eventsOf(response: Response): AsyncGenerator<Parsed, void, void> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    const parts = text.split("\n\n");
    text = parts.pop()!;
    for (const part of parts) {
      if (part.startsWith(":")) yield part;
      else if (part === "data: [DONE]") yield "[DONE]";
      else yield JSON.parse(part.slice("data: ".length));
    }
  }
}

export async function jsonOf(response: Response): Promise<Parsed> {
  return response.json();
}

export async function allEvents(response: Response): Promise<Parsed[]> {
  const events: Parsed[] = [];
  for await (const event of eventsOf(response)) events.push(event);
  return events;
}

/** Until it holds; a test that waits in vain ends by its own time. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
