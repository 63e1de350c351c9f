import type { Engine } from "@amulet-ts/core";
import { type EngineKind, engineKind } from "./engine-kind.js";
import { interruptible } from "./interruptible.js";
import { checkOptions, type OpenEngineOptions } from "./options.js";

/**
 * Opens a model by any name, ready for `generate`. The caller disposes it.
 *
 * TensorFlow.js computes on one backend at a time: opening a second engine on another one moves the first there too.
 *
 * @throws EngineError `bad-request` for options of the wrong kind; CoreError `aborted` when the signal ends it; FilesError,
 *   ModelError and BackendError of what it found. Nothing is left in memory then.
 */
export async function openEngine(options: OpenEngineOptions = {}): Promise<Engine> {
  checkOptions(options, "openEngine");
  const open = openers[engineKind(options.engine ?? "tfjs")!];
  return interruptible(options.signal, () => open(options));
}

type Opener = (options: OpenEngineOptions) => Promise<Engine>;

/** An engine that is not asked for is not loaded. */
const openers: Readonly<Record<EngineKind, Opener>> = {
  tfjs: async (options) => {
    const { openTfjsEngine } = await import("./tfjs.js");
    return openTfjsEngine(options);
  },
  "llama.cpp": async (options) => {
    const { openLlamaCppEngine } = await import("./llama-cpp/open.js");
    return openLlamaCppEngine(options);
  },
  http: async (options) => {
    const { openHttpEngine } = await import("./http/open.js");
    return openHttpEngine(options);
  },
};
