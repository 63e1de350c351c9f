/** Models that compute here, on TensorFlow.js. */
import "@amulet-ts/core/disposal";
import { startBackend } from "@amulet-ts/backends";
import { type Engine, throwIfAborted } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import {
  checkConfig,
  checkRewardConfig,
  loadModel,
  loadRewardModel,
  type RewardModel,
} from "@amulet-ts/models";
import { locateModel } from "./find-model.js";
import type { OpenEngineOptions } from "./options.js";

/** A reward model that is open, and what computes. */
export interface OpenRewardModel {
  readonly model: RewardModel;
  /** Where it was opened from, on this disk. */
  readonly source: string;
  readonly backend: Engine["backend"];
  /** A backend that was passed over, and why. */
  readonly notes: readonly string[];
}

/**
 * The same for a reward model, which rates answers and gives none. The caller disposes `model`.
 *
 * @throws BackendError, FilesError, ModelError, CoreError `aborted`
 */
export async function openRewards(
  options: OpenEngineOptions & { readonly model: string },
): Promise<OpenRewardModel> {
  const source = await locateModel(options.model, options, checkRewardConfig);
  const { memory, backend, notes } = await startFor(options);
  const { signal, onProgress } = options;
  const model = await loadRewardModel(source, {
    memory,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  return { model, source, backend, notes };
}

async function startFor({ backend, threads, kernels, precision, signal }: OpenEngineOptions) {
  const { name, description, version, memory, passedOver } = await startBackend(backend, {
    ...(threads !== undefined && { threads }),
    ...(kernels !== undefined && { kernels }),
    ...(precision !== undefined && { precision }),
  });
  throwIfAborted(signal, "Opening the model");
  return { memory, backend: { name, description, version }, notes: passedOver };
}

/**
 * Finds the model, starts the backend and loads the model onto it; when that fails, no tensor is left.
 *
 * @throws BackendError, FilesError, ModelError, CoreError `aborted`
 */
export async function openTfjsEngine(options: OpenEngineOptions): Promise<Engine> {
  const { model: wanted = embeddedModelFolder, signal, onProgress } = options;
  const path = await locateModel(wanted, options, checkConfig);
  const started = performance.now();
  const { memory, backend, notes } = await startFor(options);
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
    backend,
    parameterCount: model.parameterCount,
    cacheBytesPerToken: model.cacheBytesPerToken,
    notes: [...notes, ...model.notes],
    loadMs: performance.now() - started,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
