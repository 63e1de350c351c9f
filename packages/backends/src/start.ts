/** Picks and starts a TensorFlow.js backend: the only place in the house that imports one. */
import * as tf from "@tensorflow/tfjs-core";
import { BackendError } from "./errors.js";
import { installWasmSlice } from "./wasm-slice.js";

/** What a loader must know of a backend's memory before it fills it. */
export interface BackendMemory {
  /** Bytes it can hold; beyond them products go wrong without a word. */
  readonly limitBytes: number;
  /** How often a matrix lies in that memory once it has been multiplied with. */
  readonly matrixCopies: number;
}

export interface RunningBackend {
  readonly name: BackendName;
  /** For people: what it runs on. */
  readonly description: string;
  readonly memory: BackendMemory;
}

interface BackendSpec {
  readonly description: string;
  readonly memory: BackendMemory;
  /** Imports it, which registers it with TensorFlow.js. */
  load(): Promise<unknown>;
}

const gibibyte = 2 ** 30;

const backends = {
  wasm: {
    description: "WebAssembly with SIMD, one thread",
    // A 32-bit heap; XNNPACK keeps a packed copy of every matrix beside the original.
    memory: { limitBytes: 4 * gibibyte, matrixCopies: 2 },
    load: async () => {
      await import("@tensorflow/tfjs-backend-wasm");
      installWasmSlice();
    },
  },
  cpu: {
    description: "plain JavaScript, the reference: slow",
    memory: { limitBytes: Number.POSITIVE_INFINITY, matrixCopies: 1 },
    load: () => import("@tensorflow/tfjs-backend-cpu"),
  },
} satisfies Record<string, BackendSpec>;

export type BackendName = keyof typeof backends;

/** Every backend that can be asked for, the default first. */
export const backendNames = Object.keys(backends) as readonly BackendName[];

/**
 * Starts a backend and makes it the one that tensors live on.
 *
 * @param name the default is wasm
 * @throws BackendError `unknown-backend`, or `failed-start` when TensorFlow.js would run on another one instead
 */
export async function startBackend(name: string = backendNames[0]!): Promise<RunningBackend> {
  if (!isBackendName(name)) {
    throw new BackendError(
      "unknown-backend",
      `There is no backend "${name}". There are: ${backendNames.join(", ")}.`,
    );
  }
  const { load, description, memory }: BackendSpec = backends[name];
  // Without this TensorFlow.js prints a banner on Node; what it turns off are checks that `decode` makes itself.
  tf.enableProdMode();
  await load();
  const started = await tf.setBackend(name).catch((cause: unknown) => failedStart(name, cause));
  if (!started || tf.getBackend() !== name) failedStart(name, `TensorFlow.js stayed on ${tf.getBackend()}`);
  return { name, description, memory };
}

function isBackendName(name: string): name is BackendName {
  return Object.hasOwn(backends, name);
}

function failedStart(name: string, cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new BackendError("failed-start", `The backend "${name}" did not start: ${why}.`, { cause });
}
