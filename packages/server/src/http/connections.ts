/** When a connection is done with a response. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { OpenRecord } from "../watch/request-record.js";
import type { House } from "./exchange.js";

const open = new WeakMap<Socket, Set<ServerResponse>>();

/**
 * A request that came behind another on its connection (pipelining) has a response without a socket until its turn comes. If
 * the connection closes before, Node tells that response nothing; here it is destroyed and says `close`, as others do.
 */
export function closeWithConnection({ socket }: IncomingMessage, response: ServerResponse): void {
  let responses = open.get(socket);
  if (!responses) {
    responses = new Set();
    open.set(socket, responses);
    socket.once("close", closeWaiting.bind(undefined, responses));
  }
  responses.add(response);
  response.once("close", () => responses.delete(response));
}

function closeWaiting(responses: ReadonlySet<ServerResponse>): void {
  for (const response of responses) {
    // Node closes those that have a socket, and those that were sent.
    if (response.socket !== null || response.writableFinished) continue;
    response.destroy();
    response.emit("close");
  }
}

/** At once, where it is done already. */
export function whenClosed(response: ServerResponse, act: () => void): void {
  if (response.destroyed) act();
  else response.once("close", act);
}

/** What ends a record when the connection is done with its response: it is counted, and told to who asked for it. */
export function endOf(
  record: OpenRecord,
  response: ServerResponse,
  { metrics, options }: Pick<House, "metrics" | "options">,
): () => void {
  return () => {
    if (!response.writableFinished) record.noteEnd("gone");
    const closed = record.close(response.statusCode);
    metrics.take(closed);
    options.onRequest?.(closed);
  };
}
