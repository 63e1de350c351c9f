/**
 * A full heap of the wasm backend, told instead of computed with. TensorFlow.js 4.22 takes the null that `malloc` gives
 * for an address, writes the tensor over the allocator's own books, and goes on; and where XNNPACK finds no room for its
 * copy of a matrix, a line is printed and the product left unwritten. Here both throw, at once.
 */
import * as tf from "@tensorflow/tfjs-core";
import { BackendError } from "./errors.js";

type Kernel = (...values: unknown[]) => unknown;

/** What is needed of tfjs-backend-wasm's Emscripten module. */
interface WasmModule {
  _malloc(bytes: number): number;
  _free(address: number): void;
  readonly HEAPU8: Uint8Array;
  /** Gives the compiled function of a kernel. */
  cwrap(...signature: unknown[]): Kernel;
  /** Called when compiled code gives up; what it throws is what the kernel throws. */
  onAbort?: () => void;
}

/** Bytes that the heap grows to before `malloc` fails: 4 GiB but for a page of 64 KiB. */
const largestHeap = 2 ** 32 - 2 ** 16;

/** What a kernel prints where XNNPACK refuses; its status 6 is "out of memory". */
const refusal = /^XNN status for \w+ is not successful/;

/** The line, when a kernel that is running has printed it. */
let refused: string | undefined;

/**
 * Makes a start of the backend one that tells when its heap is full. Before its first start only: Emscripten takes the
 * console's `warn` as its own when it is made, and keeps it.
 */
export function guardHeap(registeredAs: string): void {
  const original = tf.findBackendFactory(registeredAs);
  tf.removeBackend(registeredAs);
  tf.registerBackend(registeredAs, async () => {
    const backend = await hearWarnings(async () => original());
    const { wasm } = backend as unknown as { readonly wasm: WasmModule };
    guardAllocation(wasm);
    guardKernels(wasm);
    return backend;
  });
}

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

function guardAllocation(wasm: WasmModule): void {
  // At the first call Emscripten puts the real function in the place of whatever is there.
  wasm._free(wasm._malloc(8));
  const malloc = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = malloc(bytes);
    if (address === 0 && bytes > 0) throw outOfMemory(`it has no room for a tensor of ${bytes} bytes`);
    return address;
  };
}

/** Before the backend's kernels are set up, which is when they are wrapped. */
function guardKernels(wasm: WasmModule): void {
  const cwrap = wasm.cwrap;
  wasm.cwrap = (...signature) => {
    const kernel = cwrap(...signature);
    return (...values) => {
      refused = undefined;
      try {
        const result = kernel(...values);
        if (refused === undefined) return result;
      } catch (cause) {
        // Compiled code that goes on with the null it got may well reach outside of the heap.
        if (refused === undefined && wasm.HEAPU8.byteLength < largestHeap) throw cause;
        refused ??= String(cause);
      }
      throw outOfMemory(`a kernel found no room to work in (${refused})`);
    };
  };
  wasm.onAbort = () => {
    throw outOfMemory(
      "a kernel found no room to work in and gave up. The backend is lost with it: start the program anew",
    );
  };
}

function outOfMemory(why: string): BackendError {
  return new BackendError(
    "out-of-memory",
    `The heap of the backend "wasm", 4 GiB at most, is full: ${why}. Take fewer rows or tokens, a smaller model, or ` +
      "another backend (see --backend).",
  );
}
