/** A whole Llama of 2 blocks as a folder in Hugging Face's layout, made in memory, its weights in two files. */
import { f32, type WrittenShard, writeSafetensors } from "../files/checkpoint-writer.js";
import { tinyTokenizerConfig, tinyTokenizerJson } from "../files/tiny-tokenizer.js";

export const tinyConfig = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  eos_token_id: [2],
  head_dim: 4,
  hidden_act: "silu",
  hidden_size: 8,
  intermediate_size: 12,
  max_position_embeddings: 64,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  num_key_value_heads: 1,
  rms_norm_eps: 1e-6,
  rope_scaling: {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 32,
  },
  rope_theta: 10_000,
  tie_word_embeddings: true,
  vocab_size: 288,
};

let drawn = 0;

/** A tensor of small numbers of its own, so that two that are swapped show. */
function tensor(...shape: number[]): WrittenShard[string] {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const phase = drawn++;
  return { dtype: "F32", shape, data: f32(...Array.from({ length: size }, (_, i) => Math.sin(i + phase))) };
}

function block(index: number): WrittenShard {
  const tensors = {
    "input_layernorm.weight": tensor(8),
    "self_attn.q_proj.weight": tensor(8, 8),
    "self_attn.k_proj.weight": tensor(4, 8),
    "self_attn.v_proj.weight": tensor(4, 8),
    "self_attn.o_proj.weight": tensor(8, 8),
    "post_attention_layernorm.weight": tensor(8),
    "mlp.gate_proj.weight": tensor(12, 8),
    "mlp.up_proj.weight": tensor(12, 8),
    "mlp.down_proj.weight": tensor(8, 12),
  };
  return Object.fromEntries(
    Object.entries(tensors).map(([name, value]) => [`model.layers.${index}.${name}`, value]),
  );
}

const ends = { "model.embed_tokens.weight": tensor(288, 8), "model.norm.weight": tensor(8) };

const shards = { "one.safetensors": { ...block(0), ...ends }, "two.safetensors": block(1) };

function indexOf(shards: Readonly<Record<string, WrittenShard>>) {
  const entries = Object.entries(shards).flatMap(([file, shard]) =>
    Object.keys(shard).map((name) => [name, file]),
  );
  return { metadata: { total_size: 1 }, weight_map: Object.fromEntries(entries) };
}

/** The content of `model.safetensors.index.json`. */
export const tinyIndex = () => indexOf(shards);

/** Every tensor by its name, as the oracles of verify read them. */
export function tinyTensors(): Map<string, { shape: readonly number[]; data: Float32Array }> {
  const numbers = ({ buffer, byteOffset, length }: Buffer) =>
    new Float32Array(buffer.slice(byteOffset, byteOffset + length));
  const all = Object.values(shards).flatMap((shard) => Object.entries(shard));
  return new Map(
    all.map(([name, { shape, data }]) => [name, { shape: shape as number[], data: numbers(data) }]),
  );
}

/** Every file by its name. */
export function tinyFolder(): Record<string, Buffer | string> {
  return {
    "config.json": JSON.stringify(tinyConfig),
    "tokenizer.json": JSON.stringify(tinyTokenizerJson()),
    "tokenizer_config.json": JSON.stringify(tinyTokenizerConfig()),
    "model.safetensors.index.json": JSON.stringify(tinyIndex()),
    ...Object.fromEntries(Object.entries(shards).map(([name, shard]) => [name, writeSafetensors(shard)])),
  };
}
