/** libtensorflow on the processor. */
import * as tf from "@tensorflow/tfjs-core";
import type { BackendFacts } from "./backend.js";
import { type LibtensorflowBackend, loadLibtensorflow } from "./libtensorflow/load.js";
import { memoryBytes, processorName, threadCount } from "./processor.js";

export const registeredAs = "tensorflow";

export async function load(): Promise<void> {
  loadLibtensorflow("cpu");
}

export async function inspect(): Promise<BackendFacts> {
  const { binding } = tf.backend() as unknown as LibtensorflowBackend;
  const threads = await threadCount();
  return {
    description: `libtensorflow ${binding.TF_Version} on the processor, ${threads} thread${threads === 1 ? "" : "s"}`,
    memory: { limitBytes: await memoryBytes(), matrixCopies: 1 },
    fastProducts: { stacks: true, turned: true },
    device: await processorName(),
    version: `libtensorflow ${binding.TF_Version}`,
    threads,
  };
}
