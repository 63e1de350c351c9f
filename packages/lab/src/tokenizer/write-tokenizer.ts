/** From texts to a tokenizer in Hugging Face's files, with the chat template of the model that ships here. */
import type { Pause } from "../train/pause.js";
import { learnMerges } from "./train-bpe.js";

/** The texts of a model's tokenizer.json and tokenizer_config.json. */
export interface TokenizerFiles {
  readonly "tokenizer.json": string;
  readonly "tokenizer_config.json": string;
}

/** Tokens that no text spells: who speaks, and where a turn ends. */
export const controlTokens = { user: "<|user|>", assistant: "<|assistant|>", end: "<|end|>" } as const;

/**
 * Words as GPT-2 cuts them, except that every digit is a word: runs of letters with at most one space before them,
 * single digits, runs of anything else, white space.
 */
const wordPattern = "'(?:s|t|re|ve|m|ll|d)| ?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * A system message is what the corpus does not have: it goes behind the first question, where the corpus has what a
 * user likes.
 */
const chatTemplate = [
  "{%- set has_system = messages[0]['role'] == 'system' -%}",
  "{%- set turns = messages[1:] if has_system else messages -%}",
  "{%- for turn in turns -%}",
  "{%- if turn['role'] not in ['user', 'assistant'] -%}",
  "{{- raise_exception('a turn is of the user or of the assistant') -}}",
  "{%- endif -%}",
  "{{- '<|' + turn['role'] + '|>' + turn['content'] -}}",
  "{%- if loop.first and has_system %}{{ ' ' + messages[0]['content'] }}{% endif -%}",
  "{{- '<|end|>' -}}",
  "{%- endfor -%}",
  "{%- if add_generation_prompt %}{{ '<|assistant|>' }}{% endif -%}",
].join("");

/**
 * @param texts what the tokenizer shall be good at; each merge is learnt from how often pieces meet in them
 * @param vocabularySize control tokens, the 256 bytes and at most as many merges as that leaves
 */
export async function trainTokenizer(
  texts: Iterable<string>,
  vocabularySize: number,
  pause: Pause,
): Promise<TokenizerFiles> {
  const control = Object.values(controlTokens);
  const bytes = [...byteAlphabet.values()];
  const words = await countWords(texts, pause);
  const merges = await learnMerges(words, vocabularySize - control.length - bytes.length, pause);
  // Two merges may give the same piece.
  const pieces = [...new Set([...control, ...bytes, ...merges.map(([left, right]) => left + right)])];
  const file = tokenizerJson(control, pieces, merges);
  return {
    "tokenizer.json": `${JSON.stringify(file, undefined, 1)}\n`,
    "tokenizer_config.json": `${JSON.stringify(tokenizerConfig(), undefined, 2)}\n`,
  };
}

/** How often each word of the texts occurs, its bytes in the byte-level alphabet. */
async function countWords(texts: Iterable<string>, pause: Pause): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const pattern = new RegExp(wordPattern, "gu");
  for (const text of texts) {
    await pause();
    for (const [word] of text.matchAll(pattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return new Map([...counts].map(([word, count]) => [spellBytes(word), count]));
}

/**
 * The byte-level alphabet of GPT-2: a printable character for every byte. Bytes that Latin-1 prints stand for
 * themselves, the others are U+0100 onwards, in order.
 */
const byteAlphabet: ReadonlyMap<number, string> = makeByteAlphabet();

function makeByteAlphabet(): Map<number, string> {
  const prints = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let next = 0x100;
  const spell = (byte: number) => String.fromCodePoint(prints(byte) ? byte : next++);
  return new Map(Array.from({ length: 256 }, (_, byte) => [byte, spell(byte)]));
}

function spellBytes(word: string): string {
  return Array.from(new TextEncoder().encode(word), (byte) => byteAlphabet.get(byte)!).join("");
}

function tokenizerJson(
  control: readonly string[],
  pieces: readonly string[],
  merges: readonly (readonly [string, string])[],
) {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: control.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: wordPattern }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: merges.map(([left, right]) => `${left} ${right}`),
    },
  };
}

function tokenizerConfig() {
  const { end } = controlTokens;
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    add_bos_token: false,
    add_prefix_space: false,
    bos_token: null,
    eos_token: end,
    pad_token: end,
    clean_up_tokenization_spaces: false,
    chat_template: chatTemplate,
  };
}
