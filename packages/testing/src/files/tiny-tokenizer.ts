/** GPT-2's alphabet, written apart from the sources: printable Latin-1 first, then U+0100 onwards. */
export function byteAlphabet(): string[] {
  const ranges: [number, number][] = [
    [0x21, 0x7e],
    [0xa1, 0xac],
    [0xae, 0xff],
  ];
  const visible = new Set(ranges.flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i)));
  const hidden = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !visible.has(byte));
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(visible.has(byte) ? byte : 0x100 + hidden.indexOf(byte)),
  );
}

const control = ["<pad>", "<|im_start|>", "<|im_end|>"];
const merges = ["t h", "th e", "Ġ the", "i s", "â Ģ", "ð Ł", "Ġ a", "a n", "< |", "e r", "u s", "us er"];

/** A byte-level BPE tokenizer.json with 3 control tokens, 256 bytes and a few merges, as plain data. */
export function tinyTokenizerJson() {
  const pieces = [...control, ...byteAlphabet(), ...merges.map((merge) => merge.replace(" ", ""))];
  return {
    version: "1.0",
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
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: {},
    },
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
      merges: merges,
    },
  };
}

export const chatMlTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

export function tinyTokenizerConfig() {
  return {
    add_bos_token: false,
    bos_token: "<|im_start|>",
    eos_token: { content: "<|im_end|>", special: true },
    pad_token: "<pad>",
    chat_template: [{ name: "default", template: chatMlTemplate }],
  };
}

/** The pieces and scores of a small SentencePiece model: `llama` in GGUF's words. */
export function tinySentencePieceMetadata(): Map<string, unknown> {
  const bytes = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`);
  const words = ["▁t", "he", "▁the", "in", "▁▁", "▁", "t", "h", "e", "i", "n", "a", "s", "é"];
  const tokens = ["<unk>", "<s>", "</s>", ...bytes, ...words];
  const typeOf = (id: number) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1);
  return new Map<string, unknown>([
    ["tokenizer.ggml.model", "llama"],
    ["tokenizer.ggml.tokens", tokens],
    ["tokenizer.ggml.token_type", Int32Array.from(tokens, (_, id) => typeOf(id))],
    ["tokenizer.ggml.scores", Float32Array.from(tokens, (_, id) => (id < 259 ? 0 : 259 - id))],
    ["tokenizer.ggml.bos_token_id", 1],
    ["tokenizer.ggml.eos_token_id", 2],
  ]);
}
