/** The file that tests give to llama.cpp is the embedded model: our own session computes the same from both, bit by bit. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { loadModel } from "@amulet-ts/models";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { makeFolder } from "@amulet-ts/testing/files/checkpoint-writer";
import { llamaGguf } from "@amulet-ts/testing/models/llama-gguf";
import { prefill } from "@amulet-ts/testing/reference/checkpoints";
import { expect, test } from "vitest";

withoutLeaks("wasm");

test("a folder and the GGUF file made of it are one model", async () => {
  const path = join(await makeFolder(), "embedded.gguf");
  await writeFile(path, await llamaGguf(embeddedModelFolder));
  using fromFolder = await loadModel(embeddedModelFolder);
  using fromFile = await loadModel(path);
  const chat = [{ role: "user", content: "How do I make a cup of tea?" }] as const;
  const { ids } = fromFolder.renderChat(chat);
  expect(fromFile.renderChat(chat).ids).toEqual(ids);
  expect(await prefill(fromFile, [...ids])).toEqual(await prefill(fromFolder, [...ids]));
});
