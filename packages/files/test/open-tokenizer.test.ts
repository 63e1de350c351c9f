import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel } from "@amulet-ts/models";
import { place } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyTokenizerConfig, tinyTokenizerJson } from "@amulet-ts/testing/files/tiny-tokenizer";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import { describe, expect, onTestFinished, test } from "vitest";
import { openTokenizer } from "../src/index.js";

const chat = [{ role: "user", content: "Hello, world 🙂" }] as const;

test("a folder needs no config and no weights for its tokenizer", async () => {
  const path = await place({
    "tokenizer.json": JSON.stringify(tinyTokenizerJson()),
    "tokenizer_config.json": JSON.stringify(tinyTokenizerConfig()),
  });
  const { tokenizer, renderChat } = await openTokenizer(join(path, ".."));
  expect(tokenizer.decode(tokenizer.encode("the user 🙂"))).toBe("the user 🙂");
  expect(renderChat(chat).prompt).toBe(
    "<|im_start|>user\nHello, world 🙂<|im_end|>\n<|im_start|>assistant\n",
  );
});

test("config.json and generation_config.json say which tokens end an answer", async () => {
  const path = await place({
    "tokenizer.json": JSON.stringify(tinyTokenizerJson()),
    "config.json": '{"eos_token_id": [0]}',
    "generation_config.json": '{"eos_token_id": 2}',
  });
  expect((await openTokenizer(join(path, ".."))).tokenizer.endTokens).toEqual([2, 0]);
});

test("a folder without a tokenizer, and a path to nothing, are refused by name", async () => {
  const folder = join(await place({ "config.json": "{}" }), "..");
  await expect(openTokenizer(folder)).rejects.toMatchObject({ code: "not-a-model" });
  await expect(openTokenizer(join(folder, "nothing"))).rejects.toMatchObject({ code: "file-not-found" });
});

describe("beside the model", () => {
  test.each(["checkpoints/llama-gqa-tied", "formats/llama-gqa-tied.f32.gguf"])(
    "%s: the tokenizer alone renders and encodes as the loaded model does",
    async (path) => {
      await import("@tensorflow/tfjs-backend-cpu");
      using model = await loadModel(fixture(path));
      const alone = await openTokenizer(fixture(path));
      expect(alone.name).toBe(model.name);
      expect(alone.renderChat(chat)).toEqual(model.renderChat(chat));
      expect(alone.tokenizer.endTokens).toEqual([...model.endTokens]);
    },
  );

  test("weights are neither needed nor read", async () => {
    const folder = await mkdtemp(join(tmpdir(), "amulet-tokenizer-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const source = fixture("checkpoints/qwen2");
    await cp(source, folder, { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
    const ids = (await openTokenizer(folder)).renderChat(chat).ids;
    expect(ids).toEqual((await openTokenizer(source)).renderChat(chat).ids);
  });
});
