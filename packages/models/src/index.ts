/** The package in Node: models by their paths, and the hub. */
import { type Checkpoint, openCheckpoint as openCheckpointAt } from "./checkpoint.js";
import { openSafetensors as openSafetensorsAt, type SafetensorsFile } from "./formats/safetensors.js";
import { type LoadModelOptions, loadModel as loadModelAt, type Model } from "./load-model.js";
import { type ModelTokenizer, openTokenizer as openTokenizerAt } from "./open-tokenizer.js";
import { onDisk } from "./places/disk.js";

export * from "./hub/index.js";
export * from "./public.js";

/**
 * Loads a model onto the running backend.
 *
 * @param path a folder in Hugging Face's layout or a GGUF file
 * @throws ModelError for a file that is not there, damaged, hostile, of an unknown architecture or too large;
 *   nothing is left in memory then
 */
export function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  return loadModelAt(onDisk(path), options);
}

/**
 * Opens the tokenizer of a model. Of a folder only its JSON files and chat template are read (the weights need not
 * be there), of a GGUF file only the header.
 *
 * @param path a folder in Hugging Face's layout or a GGUF file
 * @throws ModelError `file-not-found`, `not-a-model`, `bad-tokenizer`, `bad-template`, and what the formats throw
 */
export function openTokenizer(path: string): Promise<ModelTokenizer> {
  return openTokenizerAt(onDisk(path));
}

/**
 * Opens a folder in Hugging Face's layout or a GGUF file. Closing the checkpoint's store closes it.
 *
 * @throws ModelError `file-not-found`, `not-a-model`, and what the formats throw
 */
export function openCheckpoint(path: string): Promise<Checkpoint> {
  return openCheckpointAt(onDisk(path));
}

/** Opens a safetensors file. @throws ModelError where it is not there or damaged */
export function openSafetensors(path: string): Promise<SafetensorsFile> {
  return openSafetensorsAt(onDisk(path));
}
