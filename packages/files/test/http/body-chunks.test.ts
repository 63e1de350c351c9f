/** An answer that never comes whole ends by a signal, though the collector runs while it is awaited. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bodyChunks } from "../../src/http/body-chunks.js";
import { JsonClient } from "../../src/http/json-client.js";
import { readBounded } from "../../src/places/read-bounded.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

let server: Server;
let address: string;
beforeAll(async () => {
  server = createServer((_, response) => response.writeHead(200).write('{"content": "0123456789'));
  await once(server.listen(0, "127.0.0.1"), "listening");
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function whileCollecting<T>(waiting: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  waiting.then(end, end);
  while (!isOver) {
    collect();
    await sleep(15);
  }
  return waiting;
}

const never = () => new Error("too long");
const ways: [string, (signal: AbortSignal) => Promise<unknown>][] = [
  [
    "its bytes",
    async (signal) => {
      for await (const _ of bodyChunks(await fetch(address, { signal }), [undefined, signal]));
    },
  ],
  ["a bounded text", async (signal) => readBounded(await fetch(address, { signal }), 99, never, [signal])],
  ["JSON", (signal) => new JsonClient({ address }).get("/", { signal })],
];

test.each(ways)(
  "%s, by a signal",
  async (_, ask) => {
    await expect(whileCollecting(ask(AbortSignal.timeout(150)))).rejects.toMatchObject({
      name: "TimeoutError",
    });
  },
  5000,
);

test("JSON, by its limit of time", async () => {
  const asked = new JsonClient({ address, timeoutMs: 150 }).get("/", { attempts: 1 });
  await expect(whileCollecting(asked)).rejects.toMatchObject({
    message: expect.stringContaining("gave no whole answer in 0.15 s"),
  });
}, 5000);
