/** A Llama's folder in Hugging Face's layout, such as the embedded model's, as llama.cpp reads one: a GGUF file in float32. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  encodeGguf,
  type GgufValue,
  ggufLlamaName,
  openSafetensors,
  pairRotatedRows,
  type WrittenTensor,
} from "@amulet-ts/files";

interface Config {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly vocab_size: number;
  readonly eos_token_id: number;
}

interface TokenizerFile {
  readonly added_tokens: readonly { readonly id: number }[];
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly string[])[];
  };
}

export async function llamaGguf(folder: string): Promise<Uint8Array> {
  const [config, tokenizer, { chat_template: template }] = await Promise.all(
    ["config.json", "tokenizer.json", "tokenizer_config.json"].map((name) => readJson(folder, name)),
  );
  const metadata = {
    ...describe(config),
    ...describeTokens(tokenizer, config),
    "tokenizer.chat_template": { text: template },
  };
  return encodeGguf(metadata, await readTensors(folder, config));
}

async function readJson(folder: string, name: string) {
  return JSON.parse(await readFile(join(folder, name), "utf8"));
}

function describe(config: Config): Record<string, GgufValue> {
  return {
    "general.architecture": { text: "llama" },
    "llama.block_count": { uint32: config.num_hidden_layers },
    "llama.context_length": { uint32: config.max_position_embeddings },
    "llama.embedding_length": { uint32: config.hidden_size },
    "llama.feed_forward_length": { uint32: config.intermediate_size },
    "llama.attention.head_count": { uint32: config.num_attention_heads },
    "llama.attention.head_count_kv": { uint32: config.num_key_value_heads },
    "llama.attention.layer_norm_rms_epsilon": { float32: config.rms_norm_eps },
    "llama.rope.freq_base": { float32: config.rope_theta },
  };
}

function describeTokens(
  { added_tokens, model: { vocab, merges } }: TokenizerFile,
  config: Config,
): Record<string, GgufValue> {
  const pieces = Object.keys(vocab).sort((a, b) => vocab[a]! - vocab[b]!);
  const control = new Set(added_tokens.map(({ id }) => id));
  return {
    "tokenizer.ggml.model": { text: "gpt2" },
    // Digits one by one and words as GPT-2 cuts them.
    "tokenizer.ggml.pre": { text: "smollm" },
    "tokenizer.ggml.tokens": { texts: pieces },
    "tokenizer.ggml.token_type": { int32s: pieces.map((_, id) => (control.has(id) ? 3 : 1)) },
    "tokenizer.ggml.merges": {
      texts: merges.map((pair) => (typeof pair === "string" ? pair : pair.join(" "))),
    },
    "tokenizer.ggml.eos_token_id": { uint32: config.eos_token_id },
  };
}

async function readTensors(folder: string, config: Config): Promise<Map<string, WrittenTensor>> {
  const file = await openSafetensors(join(folder, "model.safetensors"));
  const tensors = new Map<string, WrittenTensor>();
  for (const [name, source] of file.tensors) {
    const values = await source.read();
    const isTurned = /[qk]_proj/.test(name);
    const headSize = config.hidden_size / config.num_attention_heads;
    const turned = isTurned ? pairRotatedRows(values, config.hidden_size, headSize) : values;
    tensors.set(ggufLlamaName(name), { shape: source.shape, values: turned });
  }
  await file.close();
  return tensors;
}
