/** The package in a page, a worker, or any JavaScript with `fetch` and `Blob`: no built-in module of Node. */
import { type ModelAddress, placeOf } from "@amulet-ts/files/browser";
import { type LoadModelOptions, loadModel as loadModelAt, type Model } from "./loading/load-model.js";
import type { MemoryBudget } from "./loading/memory.js";
import { type ModelNeeds, readNeeds as readNeedsAt } from "./model-needs.js";

export type { BlobFolder, ModelAddress } from "@amulet-ts/files/browser";
export type { ModelNeeds } from "./model-needs.js";
export * from "./public.js";

/**
 * Loads a model onto the running backend. Files behind URLs are read in parts where the server allows it.
 *
 * @throws FilesError for a file that is not there, can't be fetched, is damaged or hostile; ModelError for an unknown
 *   architecture or one too large; CoreError `aborted`; nothing is left in memory then
 */
export async function loadModel(address: ModelAddress, options: LoadModelOptions = {}): Promise<Model> {
  return loadModelAt(placeOf(address), options);
}

/**
 * What a model needs on the running backend, and whether it fits, by its headers alone and by the rule that `loadModel` keeps.
 *
 * @throws what `loadModel` does, but for its memory
 */
export async function readNeeds(address: ModelAddress, memory: MemoryBudget): Promise<ModelNeeds> {
  return readNeedsAt(placeOf(address), memory);
}
