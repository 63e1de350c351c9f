/** WebGPU: the browser's own, or Dawn's in Node. */
import type { BackendFacts } from "./backend.js";
import { BackendError } from "./errors.js";

export const registeredAs = "webgpu";

export async function load(): Promise<void> {
  throw new BackendError("missing-backend", "not here yet");
}

export function inspect(): BackendFacts {
  throw new BackendError("missing-backend", "not here yet");
}
