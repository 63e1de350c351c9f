/**
 * GPT-2 (Radford et al. 2019): pre-norm blocks with layer norms, biases everywhere, learned positions and a GELU
 * feed-forward.
 *
 * Letters: N new tokens of all rows · P positions · D width, H heads of K side by side · Q = 3D, queries, keys and
 * values side by side · F feed-forward width · V vocabulary.
 */

import type { ConfigSource } from "@amulet-ts/files";
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import {
  type AxisSizes,
  embedding,
  type Family,
  type FamilyConfig,
  type ForwardPass,
  type ForwardResult,
  linear,
  type ParameterSpec,
  type TokenBatch,
  vector,
} from "../family.js";
import {
  type AttentionConstants,
  attendRows,
  attentionConstants,
  attentionMasks,
  type BatchMasks,
  disposeAttention,
  type HeadShape,
} from "../layers/attention.js";
import { add, sliceColumns } from "../layers/direct.js";
import { canFuse, fuseBlocks, fusedLinear, passOver } from "../layers/fused-blocks.js";
import { type GeluConstants, geluConstants, geluTanh } from "../layers/gelu.js";
import { type BlockCache, extendCaches, type RowCache } from "../layers/kv-cache.js";
import { layerNorm } from "../layers/norm.js";
import { batchPositions } from "../layers/rope.js";
import { tidy } from "../layers/tidy.js";
import type { Weight } from "../weights/weight.js";

interface Gpt2Config extends FamilyConfig {
  readonly width: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly normEpsilon: number;
  readonly tiedEmbedding: boolean;
}

interface Gpt2Block {
  readonly attentionNorm_D: Tensor1D;
  readonly attentionNormBias_D: Tensor1D;
  readonly wqkv_DQ: Weight;
  readonly bqkv_Q: Tensor1D;
  readonly wo_DD: Weight;
  readonly bo_D: Tensor1D;
  readonly feedForwardNorm_D: Tensor1D;
  readonly feedForwardNormBias_D: Tensor1D;
  readonly wUp_DF: Weight;
  readonly bUp_F: Tensor1D;
  readonly wDown_FD: Weight;
  readonly bDown_D: Tensor1D;
}

interface Gpt2Parameters {
  readonly embedding_VD: Weight;
  readonly positions_PD: Weight;
  readonly blocks: readonly Gpt2Block[];
  readonly norm_D: Tensor1D;
  readonly normBias_D: Tensor1D;
  readonly head_DV: Weight;
}

/** Made once for a model, the same in every block. */
interface Constants {
  readonly width: number;
  readonly attention: AttentionConstants;
  readonly gelu: GeluConstants;
  readonly epsilon_11: Tensor2D;
}

/** Made once for a forward pass. */
interface Step {
  readonly lengths: readonly number[];
  readonly masks: BatchMasks;
}

function attention(
  { attention, width: D }: Constants,
  { lengths, masks }: Step,
  { wqkv_DQ, bqkv_Q, wo_DD, bo_D }: Gpt2Block,
  x_ND: Tensor2D,
  caches: readonly BlockCache[],
) {
  const qkv_NQ = add(wqkv_DQ.multiply(x_ND), bqkv_Q);
  const heads = {
    q_NE: sliceColumns(qkv_NQ, 0, D),
    k_NM: sliceColumns(qkv_NQ, D, D),
    v_NM: sliceColumns(qkv_NQ, 2 * D, D),
  };
  const attended = attendRows(heads, lengths, caches, masks, attention);
  return { out_ND: add(wo_DD.multiply(attended.mixed_NE), bo_D), caches: attended.caches };
}

function feedForward(
  { gelu }: Constants,
  { wUp_DF, bUp_F, wDown_FD, bDown_D }: Gpt2Block,
  x_ND: Tensor2D,
): Tensor2D {
  const up_NF = geluTanh(add(wUp_DF.multiply(x_ND), bUp_F), gelu);
  return add(wDown_FD.multiply(up_NF), bDown_D);
}

function runBlock(
  constants: Constants,
  step: Step,
  block: Gpt2Block,
  x_ND: Tensor2D,
  caches: readonly BlockCache[],
) {
  const { attentionNorm_D, attentionNormBias_D, feedForwardNorm_D, feedForwardNormBias_D } = block;
  const { epsilon_11 } = constants;
  const normed_ND = layerNorm(x_ND, attentionNorm_D, attentionNormBias_D, epsilon_11);
  const attended = attention(constants, step, block, normed_ND, caches);
  const middle_ND = add(x_ND, attended.out_ND);
  const normedMiddle_ND = layerNorm(middle_ND, feedForwardNorm_D, feedForwardNormBias_D, epsilon_11);
  return { x_ND: add(middle_ND, feedForward(constants, block, normedMiddle_ND)), caches: attended.caches };
}

function embedAtPositions(
  { embedding_VD, positions_PD }: Gpt2Parameters,
  ids_N: Int32Array,
  positions: readonly number[],
): Tensor2D {
  const tokens_ND = embedding_VD.lookUp(ids_N);
  return add(tokens_ND, positions_PD.lookUp(Int32Array.from(positions)));
}

function forward(
  constants: Constants,
  parameters: Gpt2Parameters,
  { ids_N, lengths }: TokenBatch,
  caches: readonly RowCache[],
): ForwardResult {
  const everything = Number.POSITIVE_INFINITY;
  const step = {
    lengths,
    masks: attentionMasks(lengths, caches, [everything], constants.attention).get(everything)!,
  };
  let x_ND = embedAtPositions(parameters, ids_N, batchPositions(lengths, caches));
  const grown = parameters.blocks.map((block, i) => {
    const before_ND = x_ND;
    const own = caches.map((cache) => cache.blocks[i]!);
    const result = tidy(() => runBlock(constants, step, block, before_ND, own));
    before_ND.dispose();
    x_ND = result.x_ND;
    return result.caches;
  });
  return { states_ND: x_ND, caches: extendCaches(caches, lengths, grown) };
}

function readConfig(source: ConfigSource): Gpt2Config {
  const width = source.count(["n_embd", "embedding_length"]);
  source.allow(["activation_function", undefined], ["gelu_new", "gelu_pytorch_tanh"]);
  source.allow(["scale_attn_weights", undefined], [true]);
  source.allow(["scale_attn_by_inverse_layer_idx", undefined], [false]);
  source.allow(["add_cross_attention", undefined], [false]);
  return {
    width,
    heads: source.count(["n_head", "attention.head_count"]),
    blockCount: source.count(["n_layer", "block_count"]),
    feedForward: source.count(["n_inner", "feed_forward_length"], 4 * width),
    vocabularySize: source.count(["vocab_size", "vocab_size"]),
    contextLength: source.count(["n_positions", "context_length"], 1024),
    normEpsilon: source.number(["layer_norm_epsilon", "attention.layer_norm_epsilon"], 1e-5),
    tiedEmbedding: source.tiedEmbedding(true),
  };
}

function axisSizes({ width: D, feedForward: F, vocabularySize: V, contextLength: P }: Gpt2Config): AxisSizes {
  return { D, F, V, P, Q: 3 * D };
}

/** OpenAI wrote its linear layers as convolutions of width 1. */
const conv1d = { inputsFirst: true };

/** Our path, Hugging Face's name, llama.cpp's name, the shape in Hugging Face's checkpoint. */
function parameters({ tiedEmbedding }: Gpt2Config): ParameterSpec[] {
  const h = (name: string) => `transformer.h.*.${name}`;
  const blk = (name: string) => `blk.*.${name}`;
  const embeddingNames = ["transformer.wte.weight", "token_embd.weight"] as const;
  const [headName, headGguf] = tiedEmbedding
    ? embeddingNames
    : (["lm_head.weight", "output.weight"] as const);
  return [
    embedding("embedding_VD", ...embeddingNames, "VD"),
    embedding("positions_PD", "transformer.wpe.weight", "position_embd.weight", "PD"),
    vector("blocks.*.attentionNorm_D", h("ln_1.weight"), blk("attn_norm.weight"), "D"),
    vector("blocks.*.attentionNormBias_D", h("ln_1.bias"), blk("attn_norm.bias"), "D"),
    linear("blocks.*.wqkv_DQ", h("attn.c_attn.weight"), blk("attn_qkv.weight"), "DQ", conv1d),
    vector("blocks.*.bqkv_Q", h("attn.c_attn.bias"), blk("attn_qkv.bias"), "Q"),
    linear("blocks.*.wo_DD", h("attn.c_proj.weight"), blk("attn_output.weight"), "DD", conv1d),
    vector("blocks.*.bo_D", h("attn.c_proj.bias"), blk("attn_output.bias"), "D"),
    vector("blocks.*.feedForwardNorm_D", h("ln_2.weight"), blk("ffn_norm.weight"), "D"),
    vector("blocks.*.feedForwardNormBias_D", h("ln_2.bias"), blk("ffn_norm.bias"), "D"),
    linear("blocks.*.wUp_DF", h("mlp.c_fc.weight"), blk("ffn_up.weight"), "DF", conv1d),
    vector("blocks.*.bUp_F", h("mlp.c_fc.bias"), blk("ffn_up.bias"), "F"),
    linear("blocks.*.wDown_FD", h("mlp.c_proj.weight"), blk("ffn_down.weight"), "FD", conv1d),
    vector("blocks.*.bDown_D", h("mlp.c_proj.bias"), blk("ffn_down.bias"), "D"),
    vector("norm_D", "transformer.ln_f.weight", "output_norm.weight", "D"),
    vector("normBias_D", "transformer.ln_f.bias", "output_norm.bias", "D"),
    linear("head_DV", headName, headGguf, "VD"),
  ];
}

/** The same pass as fused operations run it. */
function fuse({ normEpsilon: epsilon }: Gpt2Config, parameters: Gpt2Parameters, heads: HeadShape) {
  const { blocks, norm_D, normBias_D, head_DV } = parameters;
  // Positions are in the states: no head turns.
  const frequencies = new Float64Array(heads.headWidth / 2);
  return fuseBlocks({
    heads,
    scale: heads.headWidth ** -0.5,
    embed: (ids_N, positions) => embedAtPositions(parameters, ids_N, positions),
    blocks: blocks.map((block) => ({
      attentionNorm: { weight_D: block.attentionNorm_D, bias_D: block.attentionNormBias_D, epsilon },
      qkv: fusedLinear([block.wqkv_DQ], [block.bqkv_Q]),
      window: Number.POSITIVE_INFINITY,
      frequencies,
      out: fusedLinear([block.wo_DD], [block.bo_D]),
      feedForward: {
        norm: { weight_D: block.feedForwardNorm_D, bias_D: block.feedForwardNormBias_D, epsilon },
        activation: "gelu",
        up: fusedLinear([block.wUp_DF], [block.bUp_F]),
        down: fusedLinear([block.wDown_FD], [block.bDown_D]),
      },
    })),
    norm: { weight_D: norm_D, bias_D: normBias_D, epsilon },
    head: fusedLinear([head_DV]),
  });
}

function bind(config: Gpt2Config, parameters: Gpt2Parameters): ForwardPass {
  const { width, heads, normEpsilon } = config;
  const shape = { heads, groups: heads, headWidth: width / heads };
  const constants: Constants = {
    width,
    attention: attentionConstants(shape, shape.headWidth ** -0.5),
    gelu: geluConstants(),
    epsilon_11: tf.tensor2d([[normEpsilon]]),
  };
  const { norm_D, normBias_D, head_DV } = parameters;
  const composed: Pick<ForwardPass, "forward" | "head"> = {
    forward: (batch, caches) => tidy(() => forward(constants, parameters, batch, caches)),
    head: (states_ND) =>
      tf.tidy(() => head_DV.multiply(layerNorm(states_ND, norm_D, normBias_D, constants.epsilon_11))),
  };
  return passOver(
    () => (canFuse(parameters, shape) ? fuse(config, parameters, shape) : composed),
    () => {
      const { attention, gelu, epsilon_11 } = constants;
      disposeAttention(attention);
      tf.dispose([gelu.linear_11, gelu.cubic_11, epsilon_11]);
    },
  );
}

export const gpt2: Family<Gpt2Config, Gpt2Parameters> = {
  name: "gpt2",
  readConfig,
  axisSizes,
  parameters,
  bind,
};
