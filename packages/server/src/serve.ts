/** From an engine to a server that listens. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Engine, Scheduler, SchedulerLoad } from "@amulet-ts/core";
import { getRequestListener } from "@hono/node-server";
import { Answerer } from "./answering/answerer.js";
import { ServerError } from "./errors.js";
import { createApp } from "./http/app.js";
import { closeWithConnection } from "./http/connections.js";
import { answerFailure, guardPage } from "./http/last-resort.js";
import { SlowReaders } from "./http/slow-readers.js";
import { type CheckedOptions, checkOptions, type ServerOptions } from "./options.js";
import { ServerState } from "./state.js";
import { Metrics } from "./watch/metrics.js";

export interface RunningServer {
  /** `http://127.0.0.1:8080` */
  readonly address: string;
  /** Resolves when the model is there and answers are given; rejects as its opening does. */
  readonly ready: Promise<Engine>;
  /** How things stand; undefined until the model is there. */
  readonly load: SchedulerLoad | undefined;
  /** How much is answered and kept at once; undefined until the model is there. */
  readonly bounds: Scheduler["bounds"] | undefined;
  /**
   * Refuses new requests with 503, lets those that were let in end for up to so many milliseconds (10,000 by default), ends
   * the others with an error, and frees what was computed for them. The engine stays open.
   *
   * @throws ServerError `bad-request` for a time that is none; the server then goes on
   */
  close(graceMs?: number): Promise<void>;
}

/**
 * Listens, at once; answers as soon as the engine is there.
 *
 * @throws ServerError `bad-request` for options, `not-listening`
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const checked = checkOptions(options);
  const state = new ServerState(checked.parallel);
  const load = () => state.opened?.scheduler.load;
  const slowReaders = new SlowReaders(checked.slowReaderMs);
  const page = checked.page && guardPage(checked.page);
  const house = { state, options: { ...checked, page }, metrics: new Metrics(load), slowReaders };
  const app = createApp(house);
  const server = createServer({ keepAliveTimeout: 30_000 }, (incoming, outgoing) => {
    closeWithConnection(incoming, outgoing);
    outgoing.once("close", state.enter());
    const answer = getRequestListener(app.fetch, {
      // For clients of HTTP/1.0, which need not say whom they ask.
      hostname: "localhost",
      overrideGlobalObjects: false,
      errorHandler: (thrown) => answerFailure(thrown, incoming, outgoing, house),
    });
    return answer(incoming, outgoing);
  });
  await listen(server, checked);
  const ready = openModel(state, checked);
  // Whoever does not wait for it hears of it by /health.
  ready.catch(() => {});
  let closed: Promise<void> | undefined;
  return {
    address: addressOf(server),
    ready,
    get load() {
      return load();
    },
    get bounds() {
      return state.opened?.scheduler.bounds;
    },
    close: async (graceMs = 10_000) => {
      const grace = readGrace(graceMs);
      closed ??= close(server, state, slowReaders, grace);
      await closed;
    },
  };
}

async function openModel(state: ServerState, options: CheckedOptions): Promise<Engine> {
  const { engine, name, profiles, parallel, queue: waiting, heldTokens, prefixTokens } = options;
  const bounds = {
    parallel,
    waiting,
    ...(heldTokens !== undefined && { heldTokens }),
    ...(prefixTokens !== undefined && { prefixTokens }),
  };
  const opened = typeof engine === "function" ? await engine() : engine;
  state.open(new Answerer(opened, { name, profiles: new Map(Object.entries(profiles)), bounds }));
  return opened;
}

/** @throws ServerError `not-listening` */
async function listen(server: Server, { host, port }: CheckedOptions): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === "EADDRINUSE"
        ? "something else listens there"
        : code === "EACCES"
          ? "this user may not"
          : code === "ENOTFOUND" || code === "EADDRNOTAVAIL"
            ? "this machine has no such address"
            : (cause as Error).message;
    throw new ServerError("not-listening", `The server can't listen at ${host}, port ${port}: ${why}.`, {
      cause,
    });
  }
}

function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

/** A timer of Node takes no more, and fires at once where it should. */
const longestMs = 2 ** 31 - 1;

function readGrace(graceMs: number): number {
  if (typeof graceMs === "number" && graceMs >= 0) return Math.min(graceMs, longestMs);
  throw new ServerError(
    "bad-request",
    `The time that close() gives must be milliseconds, 0 or more; it is ${JSON.stringify(graceMs) ?? typeof graceMs}.`,
  );
}

/** Time for the last words of those that were ended. */
const farewellMs = 2000;

async function close(
  server: Server,
  state: ServerState,
  slowReaders: SlowReaders,
  graceMs: number,
): Promise<void> {
  await state.close(graceMs);
  await state.untilIdle(farewellMs);
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
  slowReaders.dispose();
  await state.opened?.scheduler.dispose();
}
