/** The package in Node: files by their paths, and the hub. */
import { type Checkpoint, openCheckpoint as openCheckpointAt } from "./checkpoint/checkpoint.js";
import { type ModelTokenizer, openTokenizer as openTokenizerAt } from "./checkpoint/open-tokenizer.js";
import { openGguf as openGgufAt } from "./formats/gguf.js";
import type { GgufFile } from "./formats/gguf-file.js";
import { openSafetensors as openSafetensorsAt, type SafetensorsFile } from "./formats/safetensors.js";
import { onDisk } from "./places/disk.js";

export { JsonClient, type JsonRequestOptions } from "./http/json-client.js";
export { RequestError } from "./http/request-error.js";
export * from "./hub/index.js";
export { decodeText } from "./places/decode-text.js";
export { onDisk } from "./places/disk.js";
export {
  appendText,
  makeFolder,
  makeFolders,
  readBytesIfThere,
  readTextIfThere,
} from "./places/own-files.js";
export { reasonOf, systemCodeOf } from "./places/system-errors.js";
export { writeAtomically } from "./places/write-atomically.js";
export * from "./public.js";

/**
 * Opens the tokenizer of a model. Of a folder only its JSON files and chat template are read (the weights need not
 * be there), of a GGUF file only the header.
 *
 * @param path a folder in Hugging Face's layout or a GGUF file
 * @throws FilesError `file-not-found`, `not-a-model`, `bad-tokenizer`, `bad-template`, and what the formats throw
 */
export async function openTokenizer(path: string): Promise<ModelTokenizer> {
  return openTokenizerAt(onDisk(path));
}

/**
 * Opens a folder in Hugging Face's layout or a GGUF file. Closing the checkpoint's store closes it.
 *
 * @throws FilesError `file-not-found`, `not-a-model`, and what the formats throw
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  return openCheckpointAt(onDisk(path));
}

/** Opens a GGUF file: its metadata, and its tensors to read one by one. @throws FilesError where it is not there or damaged */
export async function openGguf(path: string): Promise<GgufFile> {
  return openGgufAt(onDisk(path));
}

/** Opens a safetensors file. @throws FilesError where it is not there or damaged */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  return openSafetensorsAt(onDisk(path));
}
