import type { Place } from "../places/place.js";
import { FileTensor } from "./file-tensor.js";
import { closeOnFailure, ModelFile } from "./model-file.js";
import { readSafetensorsHeader } from "./safetensors-header.js";
import type { TensorStore } from "./tensor-source.js";

/** Tensors in Hugging Face's format, and what the file says of itself. */
export interface SafetensorsFile extends TensorStore {
  readonly path: string;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Opens a safetensors file. F32, F16, BF16 and F64 can be read, all to float32; tensors of other known types are
 * listed and refuse to be read. Format: the README of huggingface/safetensors.
 *
 * @throws FilesError `file-not-found`, `file-unreadable`, `not-a-model`, `truncated-file`, `bad-header`,
 *   `unknown-tensor-type`
 */
export async function openSafetensors(place: Place): Promise<SafetensorsFile> {
  const file = await ModelFile.open(place);
  return closeOnFailure(file, async () => {
    const { metadata, entries, dataStart } = await readSafetensorsHeader(file);
    const tensors = new Map(
      entries.map(({ name, shape, storage, begin }) => [
        name,
        new FileTensor(file, name, shape, storage, dataStart + begin),
      ]),
    );
    return { path: file.path, metadata, tensors, close: () => file.close() };
  });
}
