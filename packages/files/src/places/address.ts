/** What names a model where there is no disk. */
import { type BlobFolder, inBlob, inBlobs } from "./blobs.js";
import type { Place } from "./place.js";
import { onWeb } from "./web.js";

/**
 * Where a page's model is: the URL of a GGUF file or of a folder in Hugging Face's layout, relative to the page or
 * not; a GGUF file as a blob, such as the `File` that a user has chosen; a folder's files by name.
 */
export type ModelAddress = string | URL | Blob | BlobFolder;

export function placeOf(address: ModelAddress): Place {
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
