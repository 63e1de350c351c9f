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
  expect(newer.specialTokens).toEqual({ eos_token: "<|im_end|>" });
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

const notOfFile = (id: number) => id >= 271;

test("an empty text is no token", () => {
  const tokenizer = open({ bos_token: "", eos_token: "", unk_token: { content: "" }, add_bos_token: true });
  expect([tokenizer.beginToken, tokenizer.addsBeginToken, tokenizer.endTokens]).toEqual([
    undefined,
    false,
    [],
  ]);
  expect(tokenizer.decode(tokenizer.encode("the user"))).toBe("the user");
  expect(tokenizer.notes).toEqual([]);
});

test("a token that only the config names comes behind the vocabulary and has no role", () => {
  const tokenizer = open({
    extra_special_tokens: { boi_token: "<boi>" },
    additional_special_tokens: ["<tool>"],
    image_token: "<image>",
    eos_token: "</s>",
    unk_token: "<unk>",
    pad_token: "<pad>",
    bos_token: "<s>",
    added_tokens_decoder: { 400: { content: "[LATE]" }, 9: { content: "[EARLY]", special: true } },
  });
  const beyond = ["[EARLY]", "[LATE]", "<s>", "</s>", "<unk>", "<image>", "<boi>", "<tool>"];
  expect(beyond.map((piece) => tokenizer.tokenToId(piece))).toEqual(beyond.map((_, i) => 271 + i));
  expect(tokenizer.encode(beyond.join(""), { parseSpecial: true }).every(notOfFile)).toBe(true);
  expect(tokenizer.encode("the user </s>").some(notOfFile)).toBe(false);
  expect([tokenizer.beginToken, tokenizer.endTokens]).toEqual([undefined, []]);
  expect(tokenizer.notes).toEqual([
    expect.stringMatching(/bos_token is "<s>", which tokenizer\.json lacks/),
    expect.stringMatching(/eos_token is "<\/s>"/),
  ]);
});

test("a special token that is an ordinary piece is read as a control token", () => {
  const tokenizer = open({ unk_token: "the" });
  expect(tokenizer.encode("the", { parseSpecial: true })).toEqual([tokenizer.tokenToId("the")]);
  expect(tokenizer.controlPieces).toContain("the");
  expect(tokenizer.encode("the")).toHaveLength(2);
});

test("what is no id among the end tokens is noted and passed over, one without a token is kept", () => {
  const endTokens = [2, -1, 2 ** 32 - 1, 1.5, "2", null, undefined, 5000];
  const opened = tokenizerFromJson({ tokenizer, endTokens });
  expect(opened.endTokens).toEqual([2, 5000]);
  expect(opened.notes).toHaveLength(4);
  expect(opened.notes[0]).toMatch(/eos_token_id -1/);
});

test("added_tokens.json adds tokens where the config is of the older form", () => {
  const addedTokens = JSON.stringify({ "<new>": 272, other: 271 });
  const older = tokenizerFromJson({ tokenizer, addedTokens });
  expect(older.encode("the other<new>").slice(-2)).toEqual([271, 272]);
  const newer = tokenizerFromJson({ tokenizer, addedTokens, config: '{"added_tokens_decoder":{}}' });
  expect(newer.vocabularySize).toBe(271);
});
