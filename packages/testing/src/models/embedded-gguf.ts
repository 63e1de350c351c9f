import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { afterAll, beforeAll } from "vitest";
import { llamaGguf } from "./llama-gguf.js";

/** A folder for a file of tests, and in it the embedded model as a GGUF file; both are there from the first test on. */
export function useEmbeddedGguf(): { readonly folder: string; readonly path: string } {
  const place = { folder: "", path: "" };
  beforeAll(async () => {
    place.folder = await mkdtemp(join(tmpdir(), "amulet-gguf-"));
    place.path = join(place.folder, "embedded.gguf");
    await writeFile(place.path, await llamaGguf(embeddedModelFolder));
  });
  afterAll(() => rm(place.folder, { recursive: true, force: true }));
  return place;
}
