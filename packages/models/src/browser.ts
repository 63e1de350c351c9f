/** The package in a page, a worker, or any JavaScript with `fetch` and `Blob`: no built-in module of Node. */
import { type LoadModelOptions, loadModel as loadModelAt, type Model } from "./load-model.js";
import { type ModelTokenizer, openTokenizer as openTokenizerAt } from "./open-tokenizer.js";
import { type BlobFolder, inBlob, inBlobs } from "./places/blobs.js";
import type { Place } from "./places/place.js";
import { onWeb } from "./places/web.js";

export type { BlobFolder } from "./places/blobs.js";
export * from "./public.js";

/**
 * Where a page's model is: the URL of a GGUF file or of a folder in Hugging Face's layout, relative to the page or
 * not; a GGUF file as a blob, such as the `File` that a user has chosen; a folder's files by name.
 */
export type ModelAddress = string | URL | Blob | BlobFolder;

/**
 * Loads a model onto the running backend. Files behind URLs are read in parts where the server allows it.
 *
 * @throws ModelError for a file that is not there, can't be fetched, is damaged, hostile, of an unknown architecture
 *   or too large; nothing is left in memory then
 */
export async function loadModel(address: ModelAddress, options: LoadModelOptions = {}): Promise<Model> {
  return loadModelAt(placeOf(address), options);
}

/**
 * Opens the tokenizer of a model: of a folder its JSON files and chat template, of a GGUF file the header.
 *
 * @throws ModelError `file-not-found`, `file-unreadable`, `not-a-model`, `bad-tokenizer`, `bad-template`, and what the
 *   formats throw
 */
export async function openTokenizer(address: ModelAddress): Promise<ModelTokenizer> {
  return openTokenizerAt(placeOf(address));
}

function placeOf(address: ModelAddress): Place {
  if (typeof address === "string" || address instanceof URL) return onWeb(address, pageAddress());
  if (!(address instanceof Blob)) return inBlobs(address, "the files given");
  return inBlob(address, "name" in address ? String(address.name) : "the file given");
}

/** What relative URLs are relative to; nothing outside of pages and workers. */
function pageAddress(): string | undefined {
  const { document, location } = globalThis as {
    document?: { baseURI?: string };
    location?: { href?: string };
  };
  return document?.baseURI ?? location?.href;
}
