/** libtensorflow on an NVIDIA card. */
import * as tf from "@tensorflow/tfjs-core";
import type { BackendFacts } from "./backend.js";
import { BackendError } from "./errors.js";
import { type LibtensorflowBackend, loadLibtensorflow } from "./libtensorflow/load.js";
import { findNvidiaCard } from "./nvidia.js";

export const registeredAs = "tensorflow";

export async function load(): Promise<void> {
  loadLibtensorflow("gpu");
}

/** @throws BackendError `failed-start` where libtensorflow sees no card and would compute on the processor */
export async function inspect(): Promise<BackendFacts> {
  const { binding, isUsingGpuDevice } = tf.backend() as unknown as LibtensorflowBackend;
  const card = await findNvidiaCard();
  if (!isUsingGpuDevice) throw noCard(card?.name);
  return {
    description: `libtensorflow ${binding.TF_Version} on ${card?.name ?? "an NVIDIA card"}`,
    memory: { limitBytes: card?.memoryBytes ?? Number.POSITIVE_INFINITY, matrixCopies: 1 },
    fastProducts: { stacks: true, turned: true },
    device: card?.name ?? "an NVIDIA card",
    version: `libtensorflow ${binding.TF_Version}`,
    threads: 0,
  };
}

function noCard(name: string | undefined): BackendError {
  const why = name
    ? `the driver shows ${name}, but CUDA's libraries did not load or the driver is too old for them; ` +
      "set TF_CPP_MIN_LOG_LEVEL=0 to read what libtensorflow says"
    : "no NVIDIA driver answers here";
  return new BackendError(
    "failed-start",
    `The backend "node-gpu" did not start: libtensorflow sees no GPU and would compute on the processor (${why}). ` +
      "Take --backend node for the processor.",
  );
}
