import type { Engine } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { checkConfig } from "@amulet-ts/models";
import { locateModel } from "./find-model.js";
import { interruptible } from "./interruptible.js";
import { checkOptions, type OpenEngineOptions } from "./options.js";
import { openTfjsEngine } from "./tfjs.js";

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
  const { model = embeddedModelFolder, signal, onDownload, environment } = options;
  return interruptible(signal, async () => {
    const path = await locateModel(model, { signal, onDownload, environment }, checkConfig);
    return openTfjsEngine(path, options);
  });
}
