/**
 * Qwen3 (arXiv 2505.09388): Llama with a norm on each head's queries and keys before they turn. Letters as in
 * llama.ts.
 */

import type { ConfigSource } from "@amulet-ts/files";
import type { Tensor1D } from "@tensorflow/tfjs-core";
import {
  embedding,
  type Family,
  linear,
  type ParameterSpec,
  repeated,
  sideBySide,
  vector,
} from "../family.js";
import { normHeads } from "../layers/norm.js";
import {
  bindLlama,
  type LlamaBlock,
  type LlamaConfig,
  type LlamaParameters,
  llama,
  type Projection,
} from "./llama.js";
import { qwen2 } from "./qwen2.js";

interface Qwen3Block extends LlamaBlock {
  /** The norm of queries, once for each of their heads, and that of keys. */
  readonly queryKeyNorm_X: Tensor1D;
}

const project: Projection<Qwen3Block> = {
  compose: ({ queryKeyNorm_X }, { qk_NX, v_NM }, { headWidth, epsilon_11 }) => ({
    qk_NX: normHeads(qk_NX, queryKeyNorm_X, headWidth, epsilon_11),
    v_NM,
  }),
  fuse: ({ queryKeyNorm_X }) => ({ headNorm_X: queryKeyNorm_X }),
};

/** Qwen2's keys; the width of heads has a default of its own. */
function readConfig(source: ConfigSource): LlamaConfig {
  const headWidth = source.count(["head_dim", "attention.key_length"], 128);
  return { ...qwen2.readConfig(source), headWidth };
}

/** Our path, Hugging Face's name, llama.cpp's name, the checkpoint's shape. */
function parameters({ heads, groups, tiedEmbedding }: LlamaConfig): ParameterSpec[] {
  const layer = (name: string) => `model.layers.*.${name}.weight`;
  const blk = (name: string) => `blk.*.${name}.weight`;
  const embeddingNames = ["model.embed_tokens.weight", "token_embd.weight"] as const;
  const [headName, headGguf] = tiedEmbedding
    ? embeddingNames
    : (["lm_head.weight", "output.weight"] as const);
  return [
    embedding("embedding_VD", ...embeddingNames, "VD"),
    vector("blocks.*.attentionNorm_D", layer("input_layernorm"), blk("attn_norm"), "D"),
    sideBySide("blocks.*.wqk_DX", [
      linear("q", layer("self_attn.q_proj"), blk("attn_q"), "ED"),
      linear("k", layer("self_attn.k_proj"), blk("attn_k"), "MD"),
    ]),
    sideBySide("blocks.*.queryKeyNorm_X", [
      ...repeated(heads, vector("q", layer("self_attn.q_norm"), blk("attn_q_norm"), "K")),
      ...repeated(groups, vector("k", layer("self_attn.k_norm"), blk("attn_k_norm"), "K")),
    ]),
    linear("blocks.*.wv_DM", layer("self_attn.v_proj"), blk("attn_v"), "MD"),
    linear("blocks.*.wo_ED", layer("self_attn.o_proj"), blk("attn_output"), "DE"),
    vector("blocks.*.feedForwardNorm_D", layer("post_attention_layernorm"), blk("ffn_norm"), "D"),
    linear("blocks.*.wGate_DF", layer("mlp.gate_proj"), blk("ffn_gate"), "FD"),
    linear("blocks.*.wUp_DF", layer("mlp.up_proj"), blk("ffn_up"), "FD"),
    linear("blocks.*.wDown_FD", layer("mlp.down_proj"), blk("ffn_down"), "DF"),
    vector("norm_D", "model.norm.weight", "output_norm.weight", "D"),
    linear("head_DV", headName, headGguf, "VD"),
  ];
}

export const qwen3: Family<LlamaConfig, LlamaParameters<Qwen3Block>> = {
  ...llama,
  name: "qwen3",
  readConfig,
  parameters,
  bind: (config, parameters) => bindLlama(project, config, parameters),
};
