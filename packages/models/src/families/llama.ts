/**
 * Llama (1, 2, 3, 3.1, 3.2; SmolLM2 and others of the same shape): pre-norm blocks of grouped-query attention
 * with rotary positions and a SwiGLU feed-forward (Touvron et al., arXiv 2302.13971 and 2307.09288). A family that
 * differs only in how queries, keys and values are made brings that one step to `bindLlama`.
 *
 * Letters: N new tokens of all rows · D width · H query heads · G key/value heads · K head width · E = H·K ·
 * M = G·K · X = E + M, queries and keys side by side · Y their heads, of all tokens · F feed-forward width ·
 * C = K/2 · V vocabulary.
 */

import type { ConfigSource } from "@amulet-ts/files";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import {
  type AxisSizes,
  embedding,
  type Family,
  type ForwardPass,
  type ForwardResult,
  linear,
  numbers,
  type ParameterSpec,
  sideBySide,
  type TokenBatch,
  vector,
} from "../family.js";
import {
  attendRows,
  attentionConstants,
  attentionMasks,
  type BatchMasks,
  disposeAttention,
  splitHeads,
} from "../layers/attention.js";
import { add, mul, reshape, sigmoid, sliceColumns } from "../layers/direct.js";
import { passOver } from "../layers/fused-blocks.js";
import { type BlockCache, extendCaches, type RowCache } from "../layers/kv-cache.js";
import { rmsNorm } from "../layers/norm.js";
import {
  applyRotary,
  batchPositions,
  type RotaryTables,
  rotaryFrequencies,
  rotaryTables,
  rotateHalfMatrix,
} from "../layers/rope.js";
import { readRope } from "../layers/rope-config.js";
import { tidy } from "../layers/tidy.js";
import { fuseLlama } from "./llama-fused.js";
import type { Constants, LlamaBlock, LlamaConfig, LlamaParameters, Projection } from "./llama-types.js";

export type { LlamaBlock, LlamaConfig, LlamaParameters, Projection } from "./llama-types.js";

/** Made once for a forward pass; masks for the blocks of one window. */
interface Step {
  readonly lengths: readonly number[];
  readonly rotary: RotaryTables;
  readonly masks: BatchMasks;
}

const project: Projection<LlamaBlock> = { compose: (_, products) => products, fuse: () => ({}) };

function attention<Block extends LlamaBlock>(
  { project, attention, rotateHalf_KK, epsilon_11 }: Constants<Block>,
  { lengths, rotary, masks }: Step,
  block: Block,
  x_ND: Tensor2D,
  caches: readonly BlockCache[],
) {
  const { heads: H, groups: G, headWidth: K } = attention;
  const products = { qk_NX: block.wqk_DX.multiply(x_ND), v_NM: block.wv_DM.multiply(x_ND) };
  const { qk_NX, v_NM } = project.compose(block, products, { headWidth: K, epsilon_11 });
  const turned_YK = applyRotary(splitHeads(qk_NX, K), rotary, rotateHalf_KK);
  const turned_NX: Tensor2D = reshape(turned_YK, qk_NX.shape);
  const q_NE = sliceColumns(turned_NX, 0, H * K);
  const k_NM = sliceColumns(turned_NX, H * K, G * K);
  const attended = attendRows({ q_NE, k_NM, v_NM }, lengths, caches, masks, attention);
  return { out_ND: block.wo_ED.multiply(attended.mixed_NE), caches: attended.caches };
}

function feedForward({ wGate_DF, wUp_DF, wDown_FD }: LlamaBlock, x_ND: Tensor2D): Tensor2D {
  const gate_NF = wGate_DF.multiply(x_ND);
  const silu_NF = mul(gate_NF, sigmoid(gate_NF));
  return wDown_FD.multiply(mul(silu_NF, wUp_DF.multiply(x_ND)));
}

function runBlock<Block extends LlamaBlock>(
  constants: Constants<Block>,
  step: Step,
  block: Block,
  x_ND: Tensor2D,
  caches: readonly BlockCache[],
) {
  const { epsilon_11 } = constants;
  const normed_ND = rmsNorm(x_ND, block.attentionNorm_D, epsilon_11);
  const attended = attention(constants, step, block, normed_ND, caches);
  const middle_ND = add(x_ND, attended.out_ND);
  const fed_ND = feedForward(block, rmsNorm(middle_ND, block.feedForwardNorm_D, epsilon_11));
  return { x_ND: add(middle_ND, fed_ND), caches: attended.caches };
}

function forward<Block extends LlamaBlock>(
  constants: Constants<Block>,
  { embedding_VD, blocks }: LlamaParameters<Block>,
  { ids_N, lengths }: TokenBatch,
  caches: readonly RowCache[],
): ForwardResult {
  const { attention, frequencies, windows } = constants;
  const positions = batchPositions(lengths, caches);
  const rotary = rotaryTables(positions, attention.heads + attention.groups, frequencies);
  const masks = attentionMasks(lengths, caches, windows, attention);
  let x_ND = embedding_VD.lookUp(ids_N);
  const grown = blocks.map((block, i) => {
    const before_ND = x_ND;
    const own = caches.map((cache) => cache.blocks[i]!);
    const step = { lengths, rotary, masks: masks.get(windows[i]!)! };
    const result = tidy(() => runBlock(constants, step, block, before_ND, own));
    before_ND.dispose();
    x_ND = result.x_ND;
    return result.caches;
  });
  return { states_ND: x_ND, caches: extendCaches(caches, lengths, grown) };
}

function readConfig(source: ConfigSource): LlamaConfig {
  const heads = source.count(["num_attention_heads", "attention.head_count"]);
  const width = source.count(["hidden_size", "embedding_length"]);
  const contextLength = source.count(["max_position_embeddings", "context_length"], 2048);
  const blockCount = source.count(["num_hidden_layers", "block_count"]);
  const headWidth = source.count(["head_dim", "attention.key_length"], width / heads);
  source.allow(["hidden_act", undefined], ["silu", "swish"]);
  source.allow(["attention_bias", undefined], [false]);
  source.allow(["mlp_bias", undefined], [false]);
  source.allow([undefined, "attention.causal"], [true]);
  source.allow([undefined, "expert_count"], [0]);
  return {
    width,
    heads,
    groups: source.count(["num_key_value_heads", "attention.head_count_kv"], heads),
    headWidth,
    blockCount,
    feedForward: source.count(["intermediate_size", "feed_forward_length"]),
    vocabularySize: source.count(["vocab_size", "vocab_size"]),
    contextLength,
    normEpsilon: source.number(["rms_norm_eps", "attention.layer_norm_rms_epsilon"], 1e-6),
    rope: readRope(source, contextLength, headWidth),
    tiedEmbedding: source.tiedEmbedding(false),
    windows: Array.from({ length: blockCount }, () => Number.POSITIVE_INFINITY),
  };
}

function axisSizes({
  width: D,
  heads: H,
  groups: G,
  headWidth: K,
  feedForward: F,
  vocabularySize: V,
}: LlamaConfig): AxisSizes {
  return { D, E: H * K, M: G * K, K, F, V, C: K / 2 };
}

/** Our path, Hugging Face's name, llama.cpp's name, the checkpoint's shape. */
function parameters({ heads, groups, tiedEmbedding }: LlamaConfig): ParameterSpec[] {
  const layer = (name: string) => `model.layers.*.${name}.weight`;
  const blk = (name: string) => `blk.*.${name}.weight`;
  const embeddingNames = ["model.embed_tokens.weight", "token_embd.weight"] as const;
  const output = ["lm_head.weight", "output.weight"] as const;
  const [headTensor, headGguf] = tiedEmbedding ? embeddingNames : output;
  return [
    embedding("embedding_VD", ...embeddingNames, "VD"),
    vector("blocks.*.attentionNorm_D", layer("input_layernorm"), blk("attn_norm"), "D"),
    sideBySide("blocks.*.wqk_DX", [
      linear("q", layer("self_attn.q_proj"), blk("attn_q"), "ED", { interleavedHeads: heads }),
      linear("k", layer("self_attn.k_proj"), blk("attn_k"), "MD", { interleavedHeads: groups }),
    ]),
    linear("blocks.*.wv_DM", layer("self_attn.v_proj"), blk("attn_v"), "MD"),
    linear("blocks.*.wo_ED", layer("self_attn.o_proj"), blk("attn_output"), "DE"),
    vector("blocks.*.feedForwardNorm_D", layer("post_attention_layernorm"), blk("ffn_norm"), "D"),
    linear("blocks.*.wGate_DF", layer("mlp.gate_proj"), blk("ffn_gate"), "FD"),
    linear("blocks.*.wUp_DF", layer("mlp.up_proj"), blk("ffn_up"), "FD"),
    linear("blocks.*.wDown_FD", layer("mlp.down_proj"), blk("ffn_down"), "DF"),
    vector("norm_D", "model.norm.weight", "output_norm.weight", "D"),
    linear("head_DV", headTensor, headGguf, "VD"),
    numbers("ropeDivisors_C", undefined, "rope_freqs.weight", "C", { optional: true }),
  ];
}

/** @param project what sets a family of this shape apart */
export function bindLlama<Block extends LlamaBlock>(
  project: Projection<Block>,
  config: LlamaConfig,
  parameters: LlamaParameters<Block>,
): ForwardPass {
  const { headWidth, rope, normEpsilon, windows } = config;
  const constants: Constants<Block> = {
    project,
    windows,
    attention: attentionConstants(config, headWidth ** -0.5),
    frequencies: rotaryFrequencies(headWidth, rope.base, rope.scaling, parameters.ropeDivisors_C),
    rotateHalf_KK: rotateHalfMatrix(headWidth),
    epsilon_11: tf.tensor2d([[normEpsilon]]),
  };
  const { norm_D, head_DV } = parameters;
  const composed: Pick<ForwardPass, "forward" | "head"> = {
    forward: (batch, caches) => tidy(() => forward(constants, parameters, batch, caches)),
    head: (states_ND) => tf.tidy(() => head_DV.multiply(rmsNorm(states_ND, norm_D, constants.epsilon_11))),
  };
  return passOver(
    () => fuseLlama(constants, config, parameters) ?? composed,
    () => {
      const { attention, rotateHalf_KK, epsilon_11 } = constants;
      disposeAttention(attention);
      tf.dispose([rotateHalf_KK, epsilon_11]);
    },
  );
}

export const llama: Family<LlamaConfig, LlamaParameters> = {
  name: "llama",
  readConfig,
  axisSizes,
  parameters,
  bind: (config, parameters) => bindLlama(project, config, parameters),
};
