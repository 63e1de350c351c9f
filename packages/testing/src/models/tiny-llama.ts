/** A whole Llama of 2 blocks as a GGUF file, made in memory: tokenizer, chat template and weights that are sines. */
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
import { byteAlphabet, CHATML } from "../files/tiny-tokenizer.js";

export const tinyLlamaTokens = ["<pad>", "<|im_start|>", "<|im_end|>", ...byteAlphabet(), "th"];
const [stringType, int32Type, arrayType, floatType] = [8, 5, 9, 6];

function weights(name: string, ...shape: number[]): WrittenTensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const isNorm = shape.length === 1;
  return float32Tensor(
    name,
    shape,
    Array.from({ length: size }, (_, i) => (isNorm ? 1 : Math.sin(i + size) / 2)),
  );
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
      stringEntry("tokenizer.chat_template", CHATML),
    ],
    tensors: [
      weights("token_embd.weight", tinyLlamaTokens.length, 8),
      ...block(0),
      ...block(1),
      weights("output_norm.weight", 8),
    ],
  };
}

export const tinyLlamaFile = (): Buffer => writeGguf(tinyLlama());
