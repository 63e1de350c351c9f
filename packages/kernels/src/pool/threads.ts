/** Threads that run the kernels of a shared memory, in Node and in pages. None of them keeps a process alive. */
import type { WasmMemory, WasmModule } from "../memory/webassembly.js";

/** What a thread gets. */
interface Start {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  /** Its number, from 1 on; 0 is the caller. */
  readonly thread: number;
}

const serve =
  "new WebAssembly.Instance(start.module, { env: { memory: start.memory } }).exports.serve(start.thread);";

/**
 * Starts a thread, which joins when it is ready. Where none may be started (a page's policy) nothing happens: work is
 * claimed, so that others do it.
 */
export async function startThread(start: Start): Promise<void> {
  try {
    if (typeof process === "object" && process.versions?.node) await startInNode(start);
    else startInPage(start);
  } catch {
    // One thread less.
  }
}

async function startInNode(start: Start): Promise<void> {
  const { Worker } = await import("node:worker_threads");
  const code = `const { workerData: start } = require("node:worker_threads"); ${serve}`;
  const worker = new Worker(code, { eval: true, workerData: start, execArgv: [] });
  worker.on("error", () => {});
  worker.unref();
}

/** What a page has, of which Node's types know nothing. */
interface Page {
  readonly Worker: new (url: string) => { postMessage(message: unknown): void };
}

function startInPage(start: Start): void {
  const { Worker } = globalThis as unknown as Page;
  const code = `onmessage = ({ data: start }) => { ${serve} close(); };`;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  new Worker(url).postMessage(start);
  // Not at once: the thread reads its code from there.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
