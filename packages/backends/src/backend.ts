/** What a backend is: to callers, and to the table in `start.ts`. */

import type { FastProducts } from "./fast-products.js";

export const precisions = ["f32", "f16"] as const;
export type Precision = (typeof precisions)[number];

/** Every backend that can be asked for. */
export type BackendName = "wasm" | "cpu" | "webgpu" | "node" | "node-gpu";

/** What a loader must know of a backend's memory before it fills it. */
export interface BackendMemory {
  /** Bytes it can hold; what finds no room beyond them is an error when it is computed. */
  readonly limitBytes: number;
  /** How often a matrix lies in that memory once it has been multiplied with. */
  readonly matrixCopies: number;
  /** Bytes that one tensor may have; absent where only the sum is limited. */
  readonly tensorLimitBytes?: number;
}

export interface StartOptions {
  /**
   * For pages: the URL of the folder that serves the three .wasm files of @tensorflow/tfjs-backend-wasm, with a slash at
   * its end. Without it they are looked for beside the script.
   */
  readonly wasmFolder?: string;
  /** wasm, webgpu: whether weights may stay as their file stores them, and kernels of ours multiply with them. Default: true. */
  readonly kernels?: boolean;
  /** wasm: threads that these kernels may take, the caller's among them, at least 1. Default: the processor's cores, as far as allowed. */
  readonly threads?: number;
  /**
   * In which numbers these kernels multiply. f16 is for webgpu, on a device with its feature `shader-f16`: weights and activations are
   * rounded to half precision, sums and all else stay float32. Default: f32, the file's own numbers.
   */
  readonly precision?: Precision;
}

/** What a started backend tells of itself. */
export interface BackendFacts {
  /** For people: what it runs on. */
  readonly description: string;
  readonly memory: BackendMemory;
  readonly fastProducts: FastProducts;
  /** The processor or graphics card, as it names itself. */
  readonly device: string;
  /** The library that computes, and its version. */
  readonly version: string;
  /** Threads of the processor that it computes with; 0 where the processor does not compute. */
  readonly threads: number;
  /** WebGPU: whether a processor plays the graphics card, which is for tests. */
  readonly isSoftware?: boolean;
}

export interface RunningBackend extends BackendFacts {
  readonly name: BackendName;
  /** Where none was named: why a better one that seemed to be here did not start, a sentence each. */
  readonly passedOver: readonly string[];
}

/** A file of this folder that knows one backend. */
export interface BackendModule {
  /** Its name inside TensorFlow.js. */
  readonly registeredAs: string;
  /**
   * Imports it, which registers it with TensorFlow.js.
   * @throws BackendError `missing-backend`, with what is missing and the command that gets it
   */
  load(options: StartOptions): Promise<void>;
  /** Once it is the one that computes. @throws BackendError where it computes on something that was not asked for */
  inspect(options: StartOptions): Promise<BackendFacts> | BackendFacts;
}
