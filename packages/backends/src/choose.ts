/**
 * Which backend runs where none was named: a graphics card where one answers, and wasm otherwise. libtensorflow on the
 * processor is not among them: a decoding step costs it more of the processor than wasm, prompts less, and wasm needs no
 * set-up and is the same everywhere (docs/backends.md has the figures). Nothing heavy is loaded to find no card.
 */
import type { BackendName } from "./backend.js";
import { runsOnNode } from "./processor.js";

/** Best first; wasm is always the last. */
export async function candidateBackends(): Promise<BackendName[]> {
  const candidates: BackendName[] = [];
  if (await mayRunCuda()) candidates.push("node-gpu");
  if (await mayRunWebGpu()) candidates.push("webgpu");
  return [...candidates, "wasm"];
}

async function mayRunCuda(): Promise<boolean> {
  if (!runsOnNode()) return false;
  const { mayHaveNvidiaCard } = await import("./nvidia.js");
  return mayHaveNvidiaCard() && (await import("./libtensorflow/load.js")).isLibtensorflowHere("gpu");
}

/** A processor that plays a graphics card is never taken unasked. */
async function mayRunWebGpu(): Promise<boolean> {
  if (runsOnNode()) {
    const { findDawn, mayHaveGraphicsCard } = await import("./dawn.js");
    if (findDawn() === undefined || !mayHaveGraphicsCard()) return false;
  } else if (!(globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu) return false;
  return (await import("./webgpu.js")).hasGraphicsCard();
}
