/**
 * The script of a worker that runs a model: `new Worker(new URL("@amulet-ts/web/worker", …), { type: "module" })`, or a
 * script of one's own that imports it. A web worker, or one of Node's `worker_threads`.
 */
import type { ToWorker } from "./protocol/messages.js";
import { type Outlet, serveEngine } from "./worker/serve.js";

interface WorkerScope extends Outlet {
  addEventListener(type: "message", listener: (event: { readonly data: ToWorker }) => void): void;
}

const scope = globalThis as unknown as Partial<WorkerScope>;
if (typeof scope.postMessage === "function") listen(scope as WorkerScope);
else void listenInNode();

/** At once: what comes before a listener is there is lost. */
function listen(scope: WorkerScope): void {
  const take = serveEngine(scope);
  scope.addEventListener("message", ({ data }) => take(data));
}

async function listenInNode(): Promise<void> {
  const { parentPort } = await import("node:worker_threads");
  if (!parentPort)
    throw new Error("@amulet-ts/web/worker is the script of a worker: give it to new Worker(…).");
  parentPort.on("message", serveEngine(parentPort as Outlet));
}
