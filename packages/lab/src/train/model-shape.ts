/** The model that is trained here: a small Llama, and the weights that it starts from. */
import { type RandomStream, xoshiro128 } from "@amulet-ts/core";
import type { ModelDefinition } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import * as v from "valibot";

/** The content of a config.json, as Hugging Face has it. */
export type ModelConfig = Readonly<Record<string, unknown>>;

/** Sizes of the model that ships with this package: 1.05 million parameters with 2,048 tokens. */
export const defaultShape = {
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  max_position_embeddings: 256,
} as const;

/** Sizes as a file holds them. */
export const shapeSchema = v.object({
  hidden_size: v.number(),
  intermediate_size: v.number(),
  num_hidden_layers: v.number(),
  num_attention_heads: v.number(),
  num_key_value_heads: v.number(),
  head_dim: v.number(),
  max_position_embeddings: v.number(),
});

export type ModelShape = Readonly<v.InferOutput<typeof shapeSchema>>;

/** @param endToken ends an answer; also fills up rows, where nothing reads it */
export function llamaConfig(
  shape: ModelShape,
  { vocabularySize, endToken }: { readonly vocabularySize: number; readonly endToken: number },
): ModelConfig {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    ...shape,
    vocab_size: vocabularySize,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    rope_scaling: null,
    attention_bias: false,
    mlp_bias: false,
    attention_dropout: 0,
    initializer_range: 0.02,
    tie_word_embeddings: true,
    bos_token_id: null,
    eos_token_id: endToken,
    pad_token_id: endToken,
    torch_dtype: "bfloat16",
    use_cache: true,
  };
}

/**
 * Weights to start from, the same for the same seed on every machine: norms are 1, matrices normal with a variance
 * of 1/inputs, less for what is added to the stream of states (GPT-2's 1/√(2L)), the embedding with 0.02.
 *
 * @returns tensors that are the caller's, by their Hugging Face names
 */
export function initialWeights({ shapes, config }: ModelDefinition, seed: number): Map<string, tf.Tensor> {
  const draw = normalStream(xoshiro128(seed));
  const residual = 1 / Math.sqrt(2 * config.blockCount);
  const weights = new Map<string, tf.Tensor>();
  for (const [name, shape] of shapes) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const deviation = deviationOf(name, shape, residual);
    const values = Float32Array.from({ length: size }, () => (shape.length === 1 ? 1 : deviation * draw()));
    weights.set(name, tf.tensor(values, [...shape]));
  }
  return weights;
}

function deviationOf(name: string, shape: readonly number[], residual: number): number {
  if (/embed_tokens|lm_head/.test(name)) return 0.02;
  const plain = 1 / Math.sqrt(shape.at(-1)!);
  return /o_proj|down_proj/.test(name) ? plain * residual : plain;
}

/** Standard normal numbers (Box and Muller). */
function normalStream(random: RandomStream): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
