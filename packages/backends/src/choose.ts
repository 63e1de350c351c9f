/**
 * Which backend runs where none was named: a graphics card where one answers, and wasm otherwise. libtensorflow on the
 * processor is not among them: a decoding step costs it more of the processor than wasm, prompts less, and wasm needs no
 * set-up and is the same everywhere (docs/backends.md has the figures). Nothing heavy is loaded to find no card.
 */
import type { BackendName } from "./backend.js";
import { runsOnNode } from "./processor.js";

export interface Candidates {
  /** Best first; wasm is always the last. */
  readonly names: readonly BackendName[];
  /** Why a better one that seemed to be here is not among them, a sentence each. */
  readonly passedOver: readonly string[];
}

/** A sentence where a backend that seems to be here can't be taken; `absent` where nothing hints at it. */
type Finding = "here" | "absent" | { readonly why: string };

/** The backends that may be started unasked. */
export async function candidateBackends(): Promise<Candidates> {
  const findings = [
    ["node-gpu", await findCuda()],
    ["webgpu", await findWebGpu()],
  ] as const;
  const here = findings.filter(([, finding]) => finding === "here").map(([name]) => name);
  return {
    names: [...here, "wasm"],
    passedOver: findings.flatMap(([, finding]) => (typeof finding === "object" ? [finding.why] : [])),
  };
}

async function findCuda(): Promise<Finding> {
  if (!runsOnNode()) return "absent";
  const { mayHaveNvidiaCard } = await import("./nvidia.js");
  if (!mayHaveNvidiaCard()) return "absent";
  return (await import("./libtensorflow/load.js")).isLibtensorflowHere("gpu") ? "here" : "absent";
}

/** A processor that plays a graphics card is never taken unasked, and not worth a word. */
async function findWebGpu(): Promise<Finding> {
  if (runsOnNode()) {
    const { findDawn, mayHaveGraphicsCard } = await import("./webgpu/dawn.js");
    if (findDawn() === undefined || !mayHaveGraphicsCard()) return "absent";
  } else if (!(globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu) return "absent";
  try {
    return (await (await import("./webgpu/webgpu.js")).hasGraphicsCard()) ? "here" : "absent";
  } catch (error) {
    return { why: (error as Error).message };
  }
}
