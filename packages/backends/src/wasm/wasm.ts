/** WebAssembly: XNNPACK's kernels in a 32-bit heap. */
import { setWasmPaths, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import { engine } from "@tensorflow/tfjs-core";
import type { BackendFacts, StartOptions } from "../backend.js";
import { processorName } from "../processor.js";
import { guardHeap } from "./wasm-memory.js";
import { installWasmSlice } from "./wasm-slice.js";

export const registeredAs = "wasm";

/** The import has registered it. */
export async function load({ wasmFolder }: StartOptions): Promise<void> {
  // Once the heap is there its code can come from nowhere else.
  const runs = engine().registry[registeredAs] !== undefined;
  if (wasmFolder !== undefined && !runs) setWasmPaths(wasmFolder);
  installWasmSlice();
  guardHeap(registeredAs);
}

export async function inspect(): Promise<BackendFacts> {
  return {
    description: "WebAssembly with SIMD, one thread",
    // XNNPACK keeps a packed copy of every matrix beside the original.
    memory: { limitBytes: 4 * 2 ** 30, matrixCopies: 2 },
    // Stacks go through a plain loop, 17 times slower; a turned factor costs 6 to 12 times.
    fastProducts: { stacks: false, turned: false },
    device: await processorName(),
    version: `tfjs-backend-wasm ${version_wasm}`,
    threads: 1,
  };
}
