/**
 * A full heap of the wasm backend, told instead of computed with. TensorFlow.js 4.22 takes the null that `malloc` gives
 * for an address, writes the tensor over the allocator's own books, and goes on; and where XNNPACK finds no room for its
 * copy of a matrix, a line is printed and the product left unwritten. Here the operation that found no room throws, and
 * what it had made or held is given back.
 */
import * as tf from "@tensorflow/tfjs-core";
import { BackendError } from "../errors.js";

/** What is needed of tfjs-backend-wasm's backend class and its Emscripten module. */
interface WasmBackend {
  readonly wasm: WasmModule;
  move(dataId: object, ...content: unknown[]): void;
  incRef(dataId: object): void;
  disposeData(dataId: object, force?: boolean): boolean;
}

interface WasmModule {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
  stackSave(): number;
  stackRestore(top: number): void;
}

/** Bytes that the heap grows to before `malloc` fails: 4 GiB but for a page of 64 KiB. */
const largestHeap = 2 ** 32 - 2 ** 16;

/**
 * Where blocks of tensors end at the latest. Of a heap that is used to its last bytes `malloc` has been seen to give blocks
 * that end past it: the last 256 KiB are left to what compiled code takes by itself.
 */
const lastUsed = largestHeap - 2 ** 18;

/** What a kernel prints where XNNPACK refuses. */
const refusal = /^XNN status for /;

/** XNNPACK's xnn_status_out_of_memory. */
const outOfMemoryStatus = "6";

/** The line, once a kernel that is running has printed it. */
let refused: string | undefined;

/** Data that got a holder, or lost one. */
interface Change {
  readonly dataId: object;
  readonly change: 1 | -1;
}

/** What happened in the kernel that is running. */
let journal: Change[] | undefined;

let kernelsAreGuarded = false;
const guarded = new WeakSet<object>();

/**
 * Makes the backend, and every one that is started later, tell when its heap is full. One that a program has started by
 * itself is guarded too, but for what XNNPACK prints.
 */
export function guardHeap(registeredAs: string): void {
  const running = tf.engine().registry[registeredAs];
  if (running) guardBackend(running as unknown as WasmBackend);
  if (kernelsAreGuarded) return;
  kernelsAreGuarded = true;
  for (const kernel of tf.getKernelsForBackend(registeredAs)) {
    tf.unregisterKernel(kernel.kernelName, registeredAs);
    tf.registerKernel({ ...kernel, kernelFunc: (parameters) => runKernel(kernel.kernelFunc, parameters) });
  }
  if (!running) guardStarts(registeredAs);
}

function guardStarts(registeredAs: string): void {
  const { factory, priority } = tf.engine().registryFactory[registeredAs]!;
  tf.removeBackend(registeredAs);
  const start = async () => {
    const backend = await hearWarnings(async () => factory());
    guardBackend(backend as unknown as WasmBackend);
    return backend;
  };
  tf.registerBackend(registeredAs, start, priority);
}

/** Emscripten takes the console's `warn` as its own when it is made, and keeps it. */
async function hearWarnings<T>(make: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = (...words: unknown[]) => {
    if (typeof words[0] === "string" && refusal.test(words[0])) refused ??= words[0];
    else warn.apply(console, words);
  };
  try {
    return await make();
  } finally {
    console.warn = warn;
  }
}

function guardBackend(backend: WasmBackend): void {
  if (guarded.has(backend)) return;
  guarded.add(backend);
  guardAllocation(backend.wasm);
  const { move, incRef, disposeData } = backend;
  backend.move = (dataId, ...content) => {
    move.call(backend, dataId, ...content);
    journal?.push({ dataId, change: 1 });
  };
  backend.incRef = (dataId) => {
    incRef.call(backend, dataId);
    journal?.push({ dataId, change: 1 });
  };
  backend.disposeData = (dataId, force) => {
    journal?.push({ dataId, change: -1 });
    return disposeData.call(backend, dataId, force);
  };
}

function guardAllocation(wasm: WasmModule): void {
  // At the first call Emscripten puts the real function in the place of whatever is there.
  wasm._free(wasm._malloc(8));
  const malloc = wasm._malloc;
  wasm._malloc = (bytes) => {
    // It takes the number modulo 2³², and gives addresses past 2 GiB as negative ones.
    const address = bytes > largestHeap ? 0 : malloc(bytes) >>> 0;
    if ((address !== 0 || bytes === 0) && address + bytes <= lastUsed) return address;
    // Giving back what ends past the heap would write there.
    if (address !== 0 && address + bytes <= wasm.HEAPU8.byteLength) wasm._free(address);
    throw outOfMemory(`it has no room for a tensor of ${bytes} bytes`);
  };
}

type KernelParameters = Parameters<tf.KernelFunc>[0];

/** Runs a kernel. Where it fails, data is held as before, and the error says so if the heap is full. */
function runKernel(kernel: tf.KernelFunc, parameters: KernelParameters): ReturnType<tf.KernelFunc> {
  const { wasm, disposeData } = parameters.backend as WasmBackend;
  const outer = journal;
  const own: Change[] = [];
  journal = own;
  refused = undefined;
  const stack = wasm.stackSave();
  try {
    const result = kernel(parameters);
    if (refused === undefined) return result;
    throw new Error(refused);
  } catch (cause) {
    journal = undefined;
    // Compiled code that an exception has left has not cleared its stack.
    wasm.stackRestore(stack);
    for (const dataId of surplus(own)) disposeData.call(parameters.backend, dataId);
    throw explain(wasm, cause as Error);
  } finally {
    journal = outer;
  }
}

/** Data that ended with more holders than it had, once for each. */
function surplus(changes: readonly Change[]): object[] {
  const holders = new Map<object, number>();
  for (const { dataId, change } of changes) holders.set(dataId, (holders.get(dataId) ?? 0) + change);
  return [...holders].flatMap(([dataId, count]) => Array(Math.max(0, count)).fill(dataId));
}

function explain(wasm: WasmModule, cause: Error): Error {
  const status = /Got status (\d+)/.exec(refused ?? "")?.[1];
  const isFull = wasm.HEAPU8.byteLength >= largestHeap;
  // Compiled code that goes on with the null it got may give up, or reach outside of the heap.
  const mayLackRoom = refused !== undefined || cause.name === "RuntimeError";
  if (status === outOfMemoryStatus || (status === undefined && isFull && mayLackRoom))
    return outOfMemory(`a kernel found no room to work in (${refused ?? cause.message})`, cause);
  if (refused === undefined) return cause;
  return new BackendError("device-error", `XNNPACK refused to compute: ${refused}`, { cause });
}

function outOfMemory(why: string, cause?: Error): BackendError {
  return new BackendError(
    "out-of-memory",
    `The heap of the backend "wasm", 4 GiB at most, is full: ${why}. Take fewer rows or tokens, a smaller model, ` +
      "another backend (see --backend), or the engine llama.cpp (--engine llama.cpp): node's and llama.cpp's limit is " +
      "the machine's memory.",
    { cause },
  );
}
