/** A whole Llama of 2 blocks as a GGUF file, made in memory: tokenizer, chat template and weights that are sines. */
import type { oracleLogits } from "@amulet-ts/verify";
import {
  f32,
  float32Tensor,
  list,
  stringEntry,
  text,
  uint32Entry,
  type WrittenGguf,
  type WrittenTensor,
  writeGguf,
} from "../files/checkpoint-writer.js";
import { byteAlphabet, chatMlTemplate } from "../files/tiny-tokenizer.js";

export const tinyLlamaTokens = ["<pad>", "<|im_start|>", "<|im_end|>", ...byteAlphabet(), "th"];
const [stringType, int32Type, arrayType, floatType] = [8, 5, 9, 6];

/** Each tensor has numbers of its own, so that two that are swapped show. */
function weights(name: string, ...shape: number[]): WrittenTensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const phase = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  const sines = Array.from({ length: size }, (_, i) => Math.sin(i + phase) / 2);
  return float32Tensor(name, shape, shape.length === 1 ? sines.map((sine) => 1 + sine) : sines);
}

function block(index: number): WrittenTensor[] {
  const shapes: Record<string, number[]> = {
    attn_norm: [8],
    attn_q: [8, 8],
    attn_k: [4, 8],
    attn_v: [4, 8],
    attn_output: [8, 8],
    ffn_norm: [8],
    ffn_gate: [12, 8],
    ffn_up: [12, 8],
    ffn_down: [8, 12],
  };
  return Object.entries(shapes).map(([name, shape]) => weights(`blk.${index}.${name}.weight`, ...shape));
}

/** The parts of the file, for tests to change one of. */
export function tinyLlama(): Required<Pick<WrittenGguf, "entries" | "tensors">> {
  const typeOf = (_: string, id: number) => Buffer.from(Int32Array.of(id < 3 ? 3 : 1).buffer);
  return {
    entries: [
      stringEntry("general.architecture", "llama"),
      uint32Entry("llama.block_count", 2),
      uint32Entry("llama.context_length", 64),
      uint32Entry("llama.embedding_length", 8),
      uint32Entry("llama.feed_forward_length", 12),
      uint32Entry("llama.attention.head_count", 2),
      uint32Entry("llama.attention.head_count_kv", 1),
      ["llama.attention.layer_norm_rms_epsilon", floatType, f32(1e-5)],
      stringEntry("tokenizer.ggml.model", "gpt2"),
      stringEntry("tokenizer.ggml.pre", "smollm"),
      ["tokenizer.ggml.tokens", arrayType, list(stringType, tinyLlamaTokens.map(text))],
      ["tokenizer.ggml.token_type", arrayType, list(int32Type, tinyLlamaTokens.map(typeOf))],
      ["tokenizer.ggml.merges", arrayType, list(stringType, [text("t h")])],
      uint32Entry("tokenizer.ggml.bos_token_id", 1),
      uint32Entry("tokenizer.ggml.eos_token_id", 2),
      stringEntry("tokenizer.chat_template", chatMlTemplate),
    ],
    tensors: [
      weights("token_embd.weight", tinyLlamaTokens.length, 8),
      ...block(0),
      ...block(1),
      weights("output_norm.weight", 8),
    ],
  };
}

const names: readonly (readonly [RegExp | string, string])[] = [
  ["token_embd", "model.embed_tokens"],
  ["output_norm", "model.norm"],
  [/^blk\.(\d)/, "model.layers.$1"],
  ["attn_norm", "input_layernorm"],
  ["attn_output", "self_attn.o_proj"],
  [/attn_([qkv])/, "self_attn.$1_proj"],
  ["ffn_norm", "post_attention_layernorm"],
  [/ffn_(gate|up|down)/, "mlp.$1_proj"],
];

/** The same model as the oracles read one: names and rows of heads as before llama.cpp converted it. */
export function plainTinyLlama(): Parameters<typeof oracleLogits>[0] {
  const tensors = tinyLlama().tensors.map(({ name, shape, data }) => {
    const numbers = new Float32Array(data.buffer, data.byteOffset, data.length / 4);
    const values = /attn_[qk]\./.test(name) ? pairsApart(numbers) : numbers;
    return [
      names.reduce((renamed, [from, to]) => renamed.replace(from, to), name),
      { shape, data: values },
    ] as const;
  });
  const config = {
    architectures: ["LlamaForCausalLM"] as const,
    vocab_size: tinyLlamaTokens.length,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: true,
  };
  return { family: "llama", config, tensors: new Map(tensors) };
}

/** Of each head's four rows, what llama.cpp puts side by side is half a head apart. */
function pairsApart(rows: Float32Array): Float32Array {
  const width = 8;
  return Float32Array.from(rows, (_, at) => {
    const row = Math.floor(at / width);
    const [inHead, head] = [row % 4, row - (row % 4)];
    return rows[(head + 2 * (inHead % 2) + Math.floor(inHead / 2)) * width + (at % width)]!;
  });
}

export const tinyLlamaFile = (): Buffer => writeGguf(tinyLlama());
