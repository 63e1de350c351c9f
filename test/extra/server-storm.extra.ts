/**
 * A storm of clients on one server: they come, leave, break off, read slowly and send nonsense, and every token that one of
 * them hears is that of its answer alone. `AMULET_STORM_SECONDS` and `AMULET_STORM_SEED` make it longer, or another one.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Engine, xoshiro128 } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { type RunningServer, startServer } from "@amulet-ts/server";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runClient, type Storm } from "./storm/client.js";
import { askAlone, makeRequests, type Solo } from "./storm/requests.js";

withoutLeaks("wasm");

const { AMULET_STORM_SECONDS: seconds = "15", AMULET_STORM_SEED: seed = "20" } = process.env;
const clients = 50;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ backend: "wasm" });
});
afterAll(() => engine.dispose());

const options = { name: "embedded", port: 0, profiles: { profile: "Your answer should be verbose." } };

async function answersAlone(): Promise<Solo[]> {
  const server = await startServer({ engine, ...options, parallel: 1, prefixTokens: 0 });
  await server.ready;
  const solos: Solo[] = [];
  for (const asked of makeRequests()) solos.push(await askAlone(server.address, asked));
  await server.close();
  return solos;
}

/** Megabytes of this process, every second, until it is stopped. */
function watchMemory(): { readonly megabytes: number[]; stop(): void } {
  const megabytes: number[] = [];
  const timer = setInterval(() => megabytes.push(process.memoryUsage.rss() / 2 ** 20), 1000);
  return { megabytes, stop: () => clearInterval(timer) };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

test(`${clients} clients for ${seconds} s: no token is wrong, lost or there twice, and nothing is left`, async () => {
  const solos = await answersAlone();
  const server = await startServer({ engine, ...options });
  await server.ready;
  const random = xoshiro128(Number(seed));
  const until = performance.now() + 1000 * Number(seconds);
  const storm: Storm = {
    address: server.address,
    solos,
    random,
    until,
    counts: new Map(),
    heard: 0,
    firstMs: [],
  };
  const memory = watchMemory();
  await Promise.all(Array.from({ length: clients }, () => runClient(storm)));
  memory.stop();
  await untilIdle(server);
  const said = Number(/^amulet_tokens_total (\d+)$/m.exec(await metricsOf(server))![1]);
  await server.close();
  report(storm, memory.megabytes, said);
  expect(storm.counts.get("streamed")).toBeGreaterThan(clients);
  for (const way of ["whole", "aborted", "disconnected", "read slowly", "refused"])
    expect(storm.counts.get(way), way).toBeGreaterThan(0);
  // What is short tells little of memory: its first half is warming up.
  const [, middle, last] = [0, 1, 2].map((third) => thirdOf(memory.megabytes, third));
  if (Number(seconds) >= 120) expect(median(last!) - median(middle!)).toBeLessThan(48);
}, 900_000);

function thirdOf(values: readonly number[], third: number): readonly number[] {
  const length = Math.floor(values.length / 3);
  return values.slice(third * length, (third + 1) * length);
}

/** A client that has gone is noticed a moment later. */
async function untilIdle(server: RunningServer): Promise<void> {
  while (server.load!.running > 0 || server.load!.waiting > 0) await pause(20);
}

const metricsOf = async ({ address }: RunningServer) => (await fetch(`${address}/metrics`)).text();

function report({ counts, heard, firstMs }: Storm, megabytes: readonly number[], said: number): void {
  const done = [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  const thirds = [0, 1, 2].map((third) => median(thirdOf(megabytes, third)).toFixed(0));
  const sorted = [...firstMs].sort((a, b) => a - b);
  const [half, most] = [0.5, 0.95].map((share) =>
    (sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(0),
  );
  console.log(
    `${done}; ${said} tokens said, ${heard} pieces compared; first piece after ${half} ms, 95 % after ${most} ms; ` +
      `${thirds.join(", ")} MB in each third (medians)`,
  );
}
