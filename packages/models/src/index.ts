/** The package in Node: models by their paths. */
import { onDisk } from "@amulet-ts/files";
import { type LoadModelOptions, loadModel as loadModelAt, type Model } from "./loading/load-model.js";

export * from "./public.js";

/**
 * Loads a model onto the running backend.
 *
 * @param path a folder in Hugging Face's layout or a GGUF file
 * @throws FilesError for a file that is not there, damaged or hostile; ModelError for an unknown architecture or one too
 *   large; CoreError `aborted`; nothing is left in memory then
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  return loadModelAt(onDisk(path), options);
}
