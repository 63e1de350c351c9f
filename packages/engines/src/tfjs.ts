/** Models that compute here, on TensorFlow.js. */
import "@amulet-ts/core/disposal";
import { startBackend } from "@amulet-ts/backends";
import { type Engine, throwIfAborted } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { checkConfig, loadModel } from "@amulet-ts/models";
import { locateModel } from "./find-model.js";
import type { OpenEngineOptions } from "./options.js";

/**
 * Finds the model, starts the backend and loads the model onto it; when that fails, no tensor is left.
 *
 * @throws BackendError, FilesError, ModelError, CoreError `aborted`
 */
export async function openTfjsEngine(options: OpenEngineOptions): Promise<Engine> {
  const { model: wanted = embeddedModelFolder, backend, threads, kernels, signal, onProgress } = options;
  const path = await locateModel(wanted, options, checkConfig);
  const started = performance.now();
  const { name, description, version, memory, passedOver } = await startBackend(backend, {
    ...(threads !== undefined && { threads }),
    ...(kernels !== undefined && { kernels }),
  });
  throwIfAborted(signal, "Opening the model");
  const model = await loadModel(path, {
    memory,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  let isOpen = true;
  const dispose = async () => {
    if (isOpen) model.dispose();
    isOpen = false;
  };
  return {
    model,
    tokenizer: model.tokenizer,
    source: path,
    backend: { name, description, version },
    parameterCount: model.parameterCount,
    notes: [...passedOver, ...model.notes],
    loadMs: performance.now() - started,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
