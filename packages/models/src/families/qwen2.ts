/**
 * Qwen2 and Qwen2.5 (arXiv 2407.10671): Llama with biases on queries, keys and values, and sliding windows in the
 * upper blocks where the config asks for them. Letters as in llama.ts.
 */

import type { ConfigSource } from "@amulet-ts/files";
import type { Tensor1D } from "@tensorflow/tfjs-core";
import { embedding, type Family, linear, type ParameterSpec, sideBySide, vector } from "../family.js";
import { add } from "../layers/direct.js";
import { type LayerType, readLayerTypes, readWindow } from "../layers/layer-types.js";
import {
  bindLlama,
  type LlamaBlock,
  type LlamaConfig,
  type LlamaParameters,
  llama,
  type Projection,
} from "./llama.js";

interface Qwen2Block extends LlamaBlock {
  readonly bqk_X: Tensor1D;
  readonly bv_M: Tensor1D;
}

const project: Projection<Qwen2Block> = {
  compose: ({ bqk_X, bv_M }, { qk_NX, v_NM }) => ({ qk_NX: add(qk_NX, bqk_X), v_NM: add(v_NM, bv_M) }),
  fuse: ({ bqk_X, bv_M }) => ({ biases: [bqk_X, bv_M] }),
};

/** A window counts only beside `use_sliding_window`; checkpoints name one and switch it off. */
function readConfig(source: ConfigSource): LlamaConfig {
  const config = llama.readConfig(source);
  if (!source.flag(["use_sliding_window", undefined], false)) return config;
  const firstSliding = source.number(["max_window_layers", undefined], 28);
  const older = (block: number): LayerType =>
    block >= firstSliding ? "sliding_attention" : "full_attention";
  const window = readWindow(source);
  const types = readLayerTypes(source, config.blockCount, older);
  return {
    ...config,
    windows: types.map((type) => (type === "sliding_attention" ? window : Number.POSITIVE_INFINITY)),
  };
}

/** Our path, Hugging Face's name, llama.cpp's name, the checkpoint's shape. */
function parameters({ tiedEmbedding }: LlamaConfig): ParameterSpec[] {
  const layer = (name: string) => `model.layers.*.${name}`;
  const blk = (name: string) => `blk.*.${name}`;
  const embeddingNames = ["model.embed_tokens.weight", "token_embd.weight"] as const;
  const [headName, headGguf] = tiedEmbedding
    ? embeddingNames
    : (["lm_head.weight", "output.weight"] as const);
  return [
    embedding("embedding_VD", ...embeddingNames, "VD"),
    vector("blocks.*.attentionNorm_D", layer("input_layernorm.weight"), blk("attn_norm.weight"), "D"),
    sideBySide("blocks.*.wqk_DX", [
      linear("q", layer("self_attn.q_proj.weight"), blk("attn_q.weight"), "ED"),
      linear("k", layer("self_attn.k_proj.weight"), blk("attn_k.weight"), "MD"),
    ]),
    sideBySide("blocks.*.bqk_X", [
      vector("q", layer("self_attn.q_proj.bias"), blk("attn_q.bias"), "E"),
      vector("k", layer("self_attn.k_proj.bias"), blk("attn_k.bias"), "M"),
    ]),
    linear("blocks.*.wv_DM", layer("self_attn.v_proj.weight"), blk("attn_v.weight"), "MD"),
    vector("blocks.*.bv_M", layer("self_attn.v_proj.bias"), blk("attn_v.bias"), "M"),
    linear("blocks.*.wo_ED", layer("self_attn.o_proj.weight"), blk("attn_output.weight"), "DE"),
    vector(
      "blocks.*.feedForwardNorm_D",
      layer("post_attention_layernorm.weight"),
      blk("ffn_norm.weight"),
      "D",
    ),
    linear("blocks.*.wGate_DF", layer("mlp.gate_proj.weight"), blk("ffn_gate.weight"), "FD"),
    linear("blocks.*.wUp_DF", layer("mlp.up_proj.weight"), blk("ffn_up.weight"), "FD"),
    linear("blocks.*.wDown_FD", layer("mlp.down_proj.weight"), blk("ffn_down.weight"), "DF"),
    vector("norm_D", "model.norm.weight", "output_norm.weight", "D"),
    linear("head_DV", headName, headGguf, "VD"),
  ];
}

export const qwen2: Family<LlamaConfig, LlamaParameters<Qwen2Block>> = {
  ...llama,
  name: "qwen2",
  readConfig,
  parameters,
  bind: (config, parameters) => bindLlama(project, config, parameters),
};
