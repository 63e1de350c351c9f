/** TensorFlow.js in plain JavaScript: the reference. */
import { version_cpu } from "@tensorflow/tfjs-backend-cpu";
import type { BackendFacts } from "./backend.js";
import { memoryBytes, processorName, runsOnNode } from "./processor.js";

export const registeredAs = "cpu";

/** The import has done it. */
export async function load(): Promise<void> {}

export async function inspect(): Promise<BackendFacts> {
  return {
    description: "plain JavaScript, the reference: slow",
    memory: { limitBytes: runsOnNode() ? await memoryBytes() : Number.POSITIVE_INFINITY, matrixCopies: 1 },
    fastProducts: { stacks: true, turned: true },
    device: await processorName(),
    version: `tfjs-backend-cpu ${version_cpu}`,
    threads: 1,
  };
}
