/** Tiny checkpoints with random weights, large enough for attention to matter, and token rows for them. */
import fc from "fast-check";
import type { PlainTensor } from "../oracles/checkpoint.js";
import { tabulate } from "../oracles/distribution.js";
import type { Gpt2Config } from "../oracles/gpt2.js";
import type { LlamaConfig } from "../oracles/llama.js";

/** A model as plain data. */
export type TinyModel =
  | { readonly family: "llama"; readonly config: LlamaConfig; readonly tensors: Map<string, PlainTensor> }
  | { readonly family: "gpt2"; readonly config: Gpt2Config; readonly tensors: Map<string, PlainTensor> };

const vocabulary = 11;

/** Llama: 1 or 2 blocks, heads in groups of 1 to 3, tied or not, each scaling of the rotations. */
export const tinyLlama: fc.Arbitrary<TinyModel> = fc
  .record({
    seed: fc.nat({ max: 9999 }),
    layers: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 2 }),
    share: fc.integer({ min: 1, max: 3 }),
    tied: fc.boolean(),
    scaling: fc.constantFrom("default", "linear", "llama3"),
  })
  .map(({ seed, layers, groups, share, tied, scaling }) => {
    const config: LlamaConfig = {
      vocab_size: vocabulary,
      hidden_size: 8,
      intermediate_size: 12,
      num_hidden_layers: layers,
      num_attention_heads: groups * share,
      num_key_value_heads: groups,
      head_dim: 4,
      rms_norm_eps: 1e-5,
      rope_theta: 100,
      max_position_embeddings: 64,
      tie_word_embeddings: tied,
      ...(scaling !== "default" && { rope_scaling: { rope_type: scaling, ...scalingNumbers } }),
    };
    return { family: "llama", config, tensors: fill(llamaShapes(config), seed) };
  });

const scalingNumbers = {
  factor: 4,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 16,
};

/** GPT-2: 1 or 2 blocks, 1 or 2 heads. */
export const tinyGpt2: fc.Arbitrary<TinyModel> = fc
  .record({
    seed: fc.nat({ max: 9999 }),
    layers: fc.integer({ min: 1, max: 2 }),
    heads: fc.integer({ min: 1, max: 2 }),
  })
  .map(({ seed, layers, heads }) => {
    const config: Gpt2Config = {
      vocab_size: vocabulary,
      n_embd: 8,
      n_head: heads,
      n_layer: layers,
      n_positions: 64,
      layer_norm_epsilon: 1e-5,
    };
    return { family: "gpt2", config, tensors: fill(gpt2Shapes(config), seed) };
  });

/** Either family. */
export const tinyModel = fc.oneof(tinyLlama, tinyGpt2);

/** Tokens for any tiny model. */
export const tokenRow = fc.array(fc.nat({ max: vocabulary - 1 }), { minLength: 1, maxLength: 8 });

type Shapes = readonly (readonly [name: string, shape: readonly number[]])[];

function llamaShapes(config: LlamaConfig): Shapes {
  const { vocab_size, hidden_size, intermediate_size, num_attention_heads } = config;
  const queries = num_attention_heads * config.head_dim!;
  const keys = config.num_key_value_heads! * config.head_dim!;
  const blocks = Array.from({ length: config.num_hidden_layers }, (_, layer): Shapes => {
    const prefix = `model.layers.${layer}`;
    return [
      [`${prefix}.input_layernorm.weight`, [hidden_size]],
      [`${prefix}.post_attention_layernorm.weight`, [hidden_size]],
      [`${prefix}.self_attn.q_proj.weight`, [queries, hidden_size]],
      [`${prefix}.self_attn.k_proj.weight`, [keys, hidden_size]],
      [`${prefix}.self_attn.v_proj.weight`, [keys, hidden_size]],
      [`${prefix}.self_attn.o_proj.weight`, [hidden_size, queries]],
      [`${prefix}.mlp.gate_proj.weight`, [intermediate_size, hidden_size]],
      [`${prefix}.mlp.up_proj.weight`, [intermediate_size, hidden_size]],
      [`${prefix}.mlp.down_proj.weight`, [hidden_size, intermediate_size]],
    ];
  });
  const head: Shapes = config.tie_word_embeddings ? [] : [["lm_head.weight", [vocab_size, hidden_size]]];
  return [
    ["model.embed_tokens.weight", [vocab_size, hidden_size]],
    ["model.norm.weight", [hidden_size]],
    ...head,
    ...blocks.flat(),
  ];
}

function gpt2Shapes({ vocab_size, n_embd, n_positions, n_layer }: Gpt2Config): Shapes {
  const norm = (name: string): Shapes => [
    [`${name}.weight`, [n_embd]],
    [`${name}.bias`, [n_embd]],
  ];
  const linear = (name: string, inputs: number, outputs: number): Shapes => [
    [`${name}.weight`, [inputs, outputs]],
    [`${name}.bias`, [outputs]],
  ];
  const blocks = Array.from({ length: n_layer }, (_, layer): Shapes => {
    const prefix = `transformer.h.${layer}`;
    return [
      ...norm(`${prefix}.ln_1`),
      ...norm(`${prefix}.ln_2`),
      ...linear(`${prefix}.attn.c_attn`, n_embd, 3 * n_embd),
      ...linear(`${prefix}.attn.c_proj`, n_embd, n_embd),
      ...linear(`${prefix}.mlp.c_fc`, n_embd, 4 * n_embd),
      ...linear(`${prefix}.mlp.c_proj`, 4 * n_embd, n_embd),
    ];
  });
  return [
    ["transformer.wte.weight", [vocab_size, n_embd]],
    ["transformer.wpe.weight", [n_positions, n_embd]],
    ...norm("transformer.ln_f"),
    ...blocks.flat(),
  ];
}

/**
 * Weights within ±1.2, about 2/√8 on average: attention scores then differ by several units, and a fault in
 * a mask or a rotation shows. Norm weights lie around 1, so that two of them are never interchangeable.
 */
function fill(shapes: Shapes, seed: number): Map<string, PlainTensor> {
  let state = (seed * 2654435761 + 1) >>> 0;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return new Map(
    shapes.map(([name, shape]) => {
      const isNorm = /norm\.weight$|ln_.\.weight$/.test(name);
      const size = shape.reduce((product, axis) => product * axis, 1);
      const data = tabulate(size, () => Math.fround(isNorm ? 1 + 0.5 * draw() : 1.2 * draw()));
      return [name, { shape, data }];
    }),
  );
}
