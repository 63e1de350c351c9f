/** What begins a prompt and ends a turn in a GGUF file, whatever its keys and types say. */

import { byteAlphabet, tinySentencePieceMetadata } from "@amulet-ts/testing/files/tiny-tokenizer";
import { describe, expect, test } from "vitest";
import { tokenizerFromGguf } from "../../src/tokenizer/index.js";

const normal = 1;
const control = 3;

/** A byte-level vocabulary with these pieces first. */
function byteLevel(names: readonly string[], type = control): Map<string, unknown> {
  const tokens = [...names, ...byteAlphabet()];
  return new Map<string, unknown>([
    ["tokenizer.ggml.model", "gpt2"],
    ["tokenizer.ggml.pre", "gpt-2"],
    ["tokenizer.ggml.tokens", tokens],
    ["tokenizer.ggml.token_type", tokens.map((_, id) => (id < names.length ? type : normal))],
    ["tokenizer.ggml.merges", []],
  ]);
}

describe("the tokens that llama.cpp ends at", () => {
  test.each([
    ...["<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<EOT>"],
    ...["</s>", "<|end_of_text|>", "<|return|>", "<eos>", "[EOS]", "<|fim_pad|>", "<|file_sep|>"],
  ])("%s ends a turn where the file names another token or none", (name) => {
    const metadata = byteLevel(["<|other|>", name]);
    expect(tokenizerFromGguf(metadata).endTokens).toEqual([1]);
    metadata.set("tokenizer.ggml.eos_token_id", 0);
    expect(tokenizerFromGguf(metadata).endTokens).toEqual([0, 1]);
    expect(tokenizerFromGguf(metadata).specialTokens.eos_token).toBe("<|other|>");
  });

  test("a piece of such a name is a control token where the file types it as text", () => {
    const tokenizer = tokenizerFromGguf(byteLevel(["<end_of_turn>", "<|fim_middle|>"], normal));
    expect(tokenizer.endTokens).toEqual([0]);
    expect(tokenizer.encode("<end_of_turn><|fim_middle|>", { parseSpecial: true })).toEqual([0, 1]);
    expect(tokenizer.encode("<end_of_turn>")).toHaveLength("<end_of_turn>".length);
  });

  test("other names and types stay what they are", () => {
    const tokenizer = tokenizerFromGguf(byteLevel(["<|im_start|>", "<|eot|>"], normal));
    expect(tokenizer.endTokens).toEqual([]);
    expect(tokenizer.controlPieces).toEqual([]);
  });

  test("the end of a part is no end where a vocabulary has an end of the whole", () => {
    const ends = (...names: string[]) => {
      const tokenizer = tokenizerFromGguf(byteLevel(names));
      return tokenizer.endTokens.map((id) => tokenizer.piece(id));
    };
    expect(ends("<|end|>", "<|return|>", "<|call|>")).toEqual(["<|return|>", "<|call|>"]);
    expect(ends("<|end|>", "<|flush|>", "<|calls|>")).toEqual(["<|flush|>", "<|calls|>"]);
    expect(ends("<|end|>", "<|return|>")).toEqual(["<|end|>", "<|return|>"]);
    expect(ends("</s>", "<|tool_response>")).toEqual(["<|tool_response>"]);
  });
});

describe("an id that is none", () => {
  const bad = [2 ** 32 - 1, -1, 258, 2n ** 64n - 1n, 1.5, "1", null];

  test.each(bad)("%s counts as absent, with a line that names the key", (value) => {
    const metadata = byteLevel(["<|a|>", "<|im_end|>"]);
    for (const key of ["bos", "eos", "padding"]) metadata.set(`tokenizer.ggml.${key}_token_id`, value);
    const tokenizer = tokenizerFromGguf(metadata);
    expect(tokenizer.beginToken).toBeUndefined();
    expect(tokenizer.endTokens).toEqual([1]);
    expect(tokenizer.specialTokens).toEqual({});
    expect(tokenizer.notes).toHaveLength(3);
    for (const note of tokenizer.notes) expect(note).toMatch(/^tokenizer\.ggml\.\w+_token_id is .*0 to 257/);
  });

  test("in a SentencePiece vocabulary the tokens of LLaMA stand in", () => {
    const metadata = tinySentencePieceMetadata().set("tokenizer.ggml.bos_token_id", 2 ** 32 - 1);
    metadata.delete("tokenizer.ggml.eos_token_id");
    const tokenizer = tokenizerFromGguf(metadata);
    expect([tokenizer.beginToken, tokenizer.endTokens]).toEqual([1, [2]]);
    expect(tokenizer.notes).toHaveLength(1);
  });
});

test("a file that does not say how its text is split says that GPT-2's way is a guess", () => {
  const metadata = byteLevel(["<|im_end|>"]);
  const ids = tokenizerFromGguf(metadata).encode("12345 a");
  expect(tokenizerFromGguf(metadata).notes).toEqual([]);
  metadata.delete("tokenizer.ggml.pre");
  const guessed = tokenizerFromGguf(metadata);
  expect(guessed.encode("12345 a")).toEqual(ids);
  expect(guessed.notes).toEqual([expect.stringMatching(/tokenizer\.ggml\.pre.*guess.*Convert/s)]);
});
