/** WebAssembly: XNNPACK's kernels in a 32-bit heap. */
import {
  canShareMemory,
  leaveKernelsAtBackend,
  registerKernels,
  removeKernelsFromBackend,
} from "@amulet-ts/kernels";
import { setWasmPaths, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import { engine } from "@tensorflow/tfjs-core";
import type { BackendFacts, StartOptions } from "../backend.js";
import { coreCount, processorName } from "../processor.js";
import { guardHeap } from "./wasm-memory.js";
import { installWasmSlice } from "./wasm-slice.js";

export const registeredAs = "wasm";

/** The import has registered it. */
export async function load({ wasmFolder }: StartOptions): Promise<void> {
  // Once the heap is there its code can come from nowhere else.
  const runs = engine().registry[registeredAs] !== undefined;
  if (wasmFolder !== undefined && !runs) setWasmPaths(wasmFolder);
  installWasmSlice();
  // Before the guard, which takes what is there.
  registerKernels();
  guardHeap(registeredAs);
}

export async function inspect({ kernels = true, threads }: StartOptions): Promise<BackendFacts> {
  const working = kernels ? leaveKernelsAtBackend({ threads: threads ?? (await coreCount()) }).threads : 1;
  if (!kernels) removeKernelsFromBackend();
  return {
    description: describe(kernels),
    // XNNPACK keeps a packed copy of every matrix beside the original.
    memory: { limitBytes: 4 * 2 ** 30, matrixCopies: 2 },
    // Stacks go through a plain loop, 17 times slower; a turned factor costs 6 to 12 times.
    fastProducts: { stacks: false, turned: false },
    device: await processorName(),
    version: `tfjs-backend-wasm ${version_wasm}`,
    threads: working,
  };
}

function describe(kernels: boolean): string {
  if (!kernels) return "WebAssembly with SIMD, one thread, no kernels of its own";
  if (canShareMemory()) return "WebAssembly with SIMD";
  return "WebAssembly with SIMD, one thread, as this page is not cross-origin isolated";
}
