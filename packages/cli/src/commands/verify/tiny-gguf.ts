/** A law's tiny Llama as a GGUF file, for an engine that reads models from files. */
import { encodeGguf, type GgufValue, ggufLlamaName, pairRotatedRows } from "@amulet-ts/files";
import type { ForwardOperations } from "@amulet-ts/verify";

export type TinyModel = Parameters<ForwardOperations["logits"]>[0];
type LlamaModel = Exclude<TinyModel, { family: "gpt2" | "gemma3" }>;

/** Whether llama.cpp's Llama has all that the model has: of the scaled rotations it wants tables of its own. */
export function isPlainLlama(model: TinyModel): model is LlamaModel {
  return model.family === "llama" && model.config.rope_scaling == null;
}

export function encodeTinyLlama({ config, tensors }: LlamaModel): Uint8Array {
  const written = [...tensors].map(([name, { shape, data }]) => {
    const values = Float32Array.from(data);
    const isTurned = /self_attn\.[qk]_proj/.test(name);
    return [
      ggufLlamaName(name),
      { shape: [...shape], values: isTurned ? pairRotatedRows(values, shape[1]!, config.head_dim!) : values },
    ] as const;
  });
  return encodeGguf(describe(config), new Map(written));
}

function describe(config: LlamaModel["config"]): Record<string, GgufValue> {
  const uint32 = (value: number): GgufValue => ({ uint32: value });
  const letters = Array.from({ length: config.vocab_size }, (_, id) => String.fromCodePoint(97 + id));
  return {
    "general.architecture": { text: "llama" },
    "llama.block_count": uint32(config.num_hidden_layers),
    "llama.context_length": uint32(64),
    "llama.embedding_length": uint32(config.hidden_size),
    "llama.feed_forward_length": uint32(config.intermediate_size),
    "llama.attention.head_count": uint32(config.num_attention_heads),
    "llama.attention.head_count_kv": uint32(config.num_key_value_heads!),
    "llama.attention.key_length": uint32(config.head_dim!),
    "llama.attention.value_length": uint32(config.head_dim!),
    "llama.rope.dimension_count": uint32(config.head_dim!),
    "llama.attention.layer_norm_rms_epsilon": { float32: config.rms_norm_eps },
    "llama.rope.freq_base": { float32: config.rope_theta! },
    "tokenizer.ggml.model": { text: "gpt2" },
    "tokenizer.ggml.pre": { text: "smollm" },
    // The last is what its only merge makes.
    "tokenizer.ggml.tokens": { texts: [...letters.slice(0, -1), "ab"] },
    "tokenizer.ggml.token_type": { int32s: letters.map(() => 1) },
    "tokenizer.ggml.merges": { texts: ["a b"] },
  };
}
