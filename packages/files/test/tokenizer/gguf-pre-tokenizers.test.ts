import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { describe, expect, it } from "vitest";
import { findPreTokenizer, preTokenizerOf } from "../../src/tokenizer/gguf/gguf-pre-tokenizers.js";

/** The words, bytes in GPT-2's alphabet: Ġ is a space. */
function wordsOf(name: string, text: string): string[] {
  const model = { type: "BPE", vocab: {}, merges: [] };
  const rest = { normalizer: null, decoder: null, post_processor: null, added_tokens: [] };
  const library = new LibraryTokenizer(
    { ...rest, model, pre_tokenizer: preTokenizerOf(findPreTokenizer(name)) },
    {},
  );
  return library.pre_tokenizer!.pre_tokenize(text);
}

const sample = "I'LL pay 12345 xmlParser's";

describe("a pre-tokenizer of GGUF cuts words as its model family does", () => {
  it.each([
    ["gpt-2", ["I", "'", "LL", "Ġpay", "Ġ12345", "ĠxmlParser", "'s"]],
    ["smollm", ["I", "'", "LL", "Ġpay", "Ġ", "1", "2", "3", "4", "5", "ĠxmlParser", "'s"]],
    ["llama-bpe", ["I", "'LL", "Ġpay", "Ġ", "123", "45", "ĠxmlParser", "'s"]],
    ["qwen2", ["I", "'LL", "Ġpay", "Ġ", "1", "2", "3", "4", "5", "ĠxmlParser", "'s"]],
    ["tekken", ["I", "'LL", "Ġpay", "Ġ", "1", "2", "3", "4", "5", "Ġxml", "Parser", "'s"]],
    ["gpt-4o", ["I'LL", "Ġpay", "Ġ", "123", "45", "Ġxml", "Parser's"]],
    ["deepseek-v3", ["I", "'LL", "Ġpay", "Ġ", "123", "45", "ĠxmlParser", "'s"]],
  ])("%s", (name, words) => expect(wordsOf(name, sample)).toEqual(words));

  it.each(["gpt-2", "smollm", "llama-bpe", "qwen2", "tekken", "gpt-4o", "deepseek-v3", "stablelm2"])(
    "%s loses nothing of a text",
    (name) => {
      const text = "  Two\n\n lines, naïve 日本語 ½ \t🙂 don't\r\n ";
      const bytes = wordsOf(name, text).join("");
      expect(Array.from(bytes)).toHaveLength(new TextEncoder().encode(text).length);
    },
  );
});
