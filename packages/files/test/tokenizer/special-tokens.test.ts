/** Which tokens are special, and by which name templates know them. */

import {
  tinySentencePieceMetadata,
  tinyTokenizerConfig,
  tinyTokenizerJson,
} from "@amulet-ts/testing/files/tiny-tokenizer";
import { expect, test } from "vitest";
import { tokenizerFromGguf, tokenizerFromJson } from "../../src/tokenizer/index.js";

const tokenizer = JSON.stringify(tinyTokenizerJson());
const open = (config: unknown, map?: unknown) =>
  tokenizerFromJson({
    tokenizer,
    config: JSON.stringify(config),
    specialTokensMap: map === undefined ? undefined : JSON.stringify(map),
  });

test("every named token of tokenizer_config.json has its name, as a text or as an object", () => {
  const config = {
    ...tinyTokenizerConfig(),
    unk_token: { content: "<pad>", __type: "AddedToken" },
    image_token: "<image>",
    mask_token: null,
    add_bos_token: false,
  };
  expect(open(config).specialTokens).toEqual({
    bos_token: "<|im_start|>",
    eos_token: "<|im_end|>",
    pad_token: "<pad>",
    unk_token: "<pad>",
    image_token: "<image>",
  });
});

test("special_tokens_map.json has the last word, unless the config is of the newer form", () => {
  const map = { eos_token: "<|im_start|>", pad_token: { content: "<|im_end|>" } };
  const older = open({ eos_token: "<|im_end|>", sep_token: "x" }, map);
  expect(older.specialTokens).toEqual({
    eos_token: "<|im_start|>",
    pad_token: "<|im_end|>",
    sep_token: "x",
  });
  expect(older.endTokens).toEqual([1]);
  const newer = open({ eos_token: "<|im_end|>", added_tokens_decoder: {} }, map);
  expect(newer.specialTokens).toMatchObject({ eos_token: "<|im_end|>", pad_token: "<|im_end|>" });
  expect(newer.endTokens).toEqual([2]);
});

test("a GGUF file names them by their ids", () => {
  const metadata = tinySentencePieceMetadata()
    .set("tokenizer.ggml.unknown_token_id", 0)
    .set("tokenizer.ggml.padding_token_id", 2);
  expect(tokenizerFromGguf(metadata).specialTokens).toEqual({
    bos_token: "<s>",
    eos_token: "</s>",
    unk_token: "<unk>",
    pad_token: "</s>",
  });
});
