/** A worker without a thread: its end of the wire in this one, so that its tensors can be counted. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import type { WorkerLike } from "../src/index.js";
import type { ToWorker } from "../src/protocol/messages.js";
import { type Outlet, serveEngine } from "../src/worker/serve.js";

export function workerInThisThread(): WorkerLike & { readonly isTerminated: boolean } {
  const { port1, port2 } = new MessageChannel();
  const take = serveEngine(port2 as unknown as Outlet);
  port2.on("message", (message: ToWorker) => take(message));
  let isTerminated = false;
  return {
    postMessage: (message) => port1.postMessage(message),
    on: (event: string, listener: (value: never) => void) => {
      if (event === "message") port1.on("message", listener as () => void);
    },
    terminate: () => {
      isTerminated = true;
      port1.close();
    },
    get isTerminated() {
      return isTerminated;
    },
  };
}

/** The embedded model as a page has it whose user chose its files. */
export async function embeddedFiles(): Promise<Record<string, Blob>> {
  const names = await readdir(embeddedModelFolder);
  const files = names.map(async (name) => [
    name,
    new Blob([await readFile(join(embeddedModelFolder, name))]),
  ]);
  return Object.fromEntries(await Promise.all(files));
}
