/** The package in a page, a worker, or any JavaScript with `fetch` and `Blob`: no built-in module of Node. */
import { type ModelAddress, placeOf } from "@amulet-ts/files/browser";
import { type LoadModelOptions, loadModel as loadModelAt, type Model } from "./loading/load-model.js";

export type { BlobFolder, ModelAddress } from "@amulet-ts/files/browser";
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
