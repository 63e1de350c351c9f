/** A model that llama.cpp knows and that no row can be rewound in. */
import { encodeGguf, type GgufValue } from "@amulet-ts/files";

const letters = [..."abcdefghijklmnopqrstuvwxyz", "ab"];
/** A tokenizer of a few letters. */
export const tinyVocabulary: Readonly<Record<string, GgufValue>> = {
  "tokenizer.ggml.model": { text: "gpt2" },
  "tokenizer.ggml.pre": { text: "smollm" },
  "tokenizer.ggml.tokens": { texts: letters },
  "tokenizer.ggml.token_type": { int32s: letters.map(() => 1) },
  "tokenizer.ggml.merges": { texts: ["a b"] },
};

/** A recurrent model of one block, all zeros. */
export function tinyMamba(): Uint8Array {
  const [D, E, S, K, N] = [32, 64, 16, 4, 2];
  const shapes: Record<string, number[]> = {
    "token_embd.weight": [letters.length, D],
    "output_norm.weight": [D],
    "blk.0.attn_norm.weight": [D],
    "blk.0.ssm_in.weight": [2 * E, D],
    "blk.0.ssm_conv1d.weight": [E, K],
    "blk.0.ssm_conv1d.bias": [E],
    "blk.0.ssm_x.weight": [N + 2 * S, E],
    "blk.0.ssm_dt.weight": [E, N],
    "blk.0.ssm_dt.bias": [E],
    "blk.0.ssm_a": [E, S],
    "blk.0.ssm_d": [E],
    "blk.0.ssm_out.weight": [D, E],
  };
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    return [name, { shape, values: new Float32Array(size) }] as const;
  });
  const sizes: Record<string, GgufValue> = {
    "mamba.block_count": { uint32: 1 },
    "mamba.context_length": { uint32: 64 },
    "mamba.embedding_length": { uint32: D },
    "mamba.feed_forward_length": { uint32: 0 },
    "mamba.attention.head_count": { uint32: 0 },
    "mamba.attention.layer_norm_rms_epsilon": { float32: 1e-5 },
    "mamba.ssm.conv_kernel": { uint32: K },
    "mamba.ssm.inner_size": { uint32: E },
    "mamba.ssm.state_size": { uint32: S },
    "mamba.ssm.time_step_rank": { uint32: N },
  };
  return encodeGguf(
    { "general.architecture": { text: "mamba" }, ...sizes, ...tinyVocabulary },
    new Map(tensors),
  );
}
