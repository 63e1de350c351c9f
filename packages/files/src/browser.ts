/** The package in a page, a worker, or any JavaScript with `fetch` and `Blob`: no built-in module of Node. */
import { type ModelTokenizer, openTokenizer as openTokenizerAt } from "./checkpoint/open-tokenizer.js";
import { type ModelAddress, placeOf } from "./places/address.js";

export { type ModelAddress, placeOf } from "./places/address.js";
export * from "./public.js";

/**
 * Opens the tokenizer of a model: of a folder its JSON files and chat template, of a GGUF file the header.
 *
 * @throws FilesError `file-not-found`, `file-unreadable`, `not-a-model`, `bad-tokenizer`, `bad-template`, and what the
 *   formats throw
 */
export async function openTokenizer(address: ModelAddress): Promise<ModelTokenizer> {
  return openTokenizerAt(placeOf(address));
}
