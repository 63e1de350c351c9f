/** The worker's end of the wire: takes calls, runs them side by side, tells what comes of them. */
import { packError } from "../protocol/error-transfer.js";
import type { FromWorker, OperationName, ToWorker } from "../protocol/messages.js";
import { type Call, createOperations, type PendingChange } from "./operations.js";

/** Where the messages go. */
export interface Outlet {
  postMessage(message: unknown, transfer?: readonly ArrayBufferLike[]): void;
}

interface Running {
  readonly controller: AbortController;
  changes: PendingChange[];
}

/** @returns what takes the page's messages */
export function serveEngine(outlet: Outlet): (message: ToWorker) => void {
  const operations = createOperations();
  const running = new Map<number, Running>();
  const post = (message: FromWorker, transfer?: readonly ArrayBufferLike[]) =>
    transfer ? outlet.postMessage(message, transfer) : outlet.postMessage(message);

  const run = async (call: number, name: OperationName, order: unknown) => {
    const own: Running = { controller: new AbortController(), changes: [] };
    running.set(call, own);
    const context: Call<unknown> = {
      signal: own.controller.signal,
      takeChanges: () => own.changes.splice(0),
      tell: (value, buffers) => post({ type: "piece", call, value }, buffers),
      onProgress: (value) => post({ type: "progress", call, value }),
    };
    try {
      const value = await operations[name](order as never, context as never);
      post({ type: "end", call, value });
    } catch (error) {
      post({ type: "error", call, error: packError(error) });
    } finally {
      running.delete(call);
    }
  };

  return (message) => {
    if (message.type === "call") void run(message.call, message.name, message.order);
    // One that has ended has no number any more, and nothing is left to do.
    else if (message.type === "abort") running.get(message.call)?.controller.abort();
    else running.get(message.call)?.changes.push(message);
  };
}
