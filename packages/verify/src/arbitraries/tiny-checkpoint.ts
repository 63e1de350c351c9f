/** The tensors of a config: names and shapes as Hugging Face has them, and random numbers to fill them. */

import { tabulate } from "../oracles/distribution.js";
import type { PlainTensor } from "../oracles/transformers/checkpoint.js";
import type { Gemma3Config } from "../oracles/transformers/gemma3.js";
import type { Gpt2Config } from "../oracles/transformers/gpt2.js";
import type { LlamaConfig } from "../oracles/transformers/llama.js";

/** Every tensor of a checkpoint. */
export type Shapes = readonly (readonly [name: string, shape: readonly number[]])[];

/** What the gated families have in every block. */
interface GatedSizes {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number;
  readonly head_dim?: number | null;
}

function gatedBlock(prefix: string, config: GatedSizes): Shapes {
  const { hidden_size, intermediate_size } = config;
  const [queries, keys] = headSizes(config);
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
}

function headSizes(config: GatedSizes): [queries: number, keys: number] {
  const width = config.head_dim!;
  return [config.num_attention_heads * width, config.num_key_value_heads! * width];
}

/** Llama, Mistral, Qwen2 (with biases) and Qwen3 (with norms of heads). */
export function llamaShapes(config: LlamaConfig): Shapes {
  const { vocab_size, hidden_size } = config;
  const blocks = Array.from({ length: config.num_hidden_layers }, (_, layer): Shapes => {
    const prefix = `model.layers.${layer}`;
    return [...gatedBlock(prefix, config), ...ownTensors(`${prefix}.self_attn`, config)];
  });
  const head: Shapes = config.tie_word_embeddings ? [] : [["lm_head.weight", [vocab_size, hidden_size]]];
  return [
    ["model.embed_tokens.weight", [vocab_size, hidden_size]],
    ["model.norm.weight", [hidden_size]],
    ...head,
    ...blocks.flat(),
  ];
}

function ownTensors(prefix: string, config: LlamaConfig): Shapes {
  const [queries, keys] = headSizes(config);
  if (config.model_type === "qwen2") {
    return [
      [`${prefix}.q_proj.bias`, [queries]],
      [`${prefix}.k_proj.bias`, [keys]],
      [`${prefix}.v_proj.bias`, [keys]],
    ];
  }
  return config.model_type === "qwen3" ? headNorms(prefix, config) : [];
}

function headNorms(prefix: string, { head_dim }: GatedSizes): Shapes {
  return [
    [`${prefix}.q_norm.weight`, [head_dim!]],
    [`${prefix}.k_norm.weight`, [head_dim!]],
  ];
}

/** Gemma 3. */
export function gemma3Shapes(config: Gemma3Config): Shapes {
  const { vocab_size, hidden_size } = config;
  const blocks = Array.from({ length: config.num_hidden_layers }, (_, layer): Shapes => {
    const prefix = `model.layers.${layer}`;
    return [
      ...gatedBlock(prefix, config),
      ...headNorms(`${prefix}.self_attn`, config),
      [`${prefix}.pre_feedforward_layernorm.weight`, [hidden_size]],
      [`${prefix}.post_feedforward_layernorm.weight`, [hidden_size]],
    ];
  });
  return [
    ["model.embed_tokens.weight", [vocab_size, hidden_size]],
    ["model.norm.weight", [hidden_size]],
    ...blocks.flat(),
  ];
}

/** GPT-2, linear weights `[in, out]`. */
export function gpt2Shapes({ vocab_size, n_embd, n_positions, n_layer }: Gpt2Config): Shapes {
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
export function fillTensors(shapes: Shapes, seed: number): Map<string, PlainTensor> {
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
