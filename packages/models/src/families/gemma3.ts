/**
 * Gemma 3, text (arXiv 2503.19786): blocks with a norm before and after attention and feed-forward, norms of
 * queries and keys, a GELU-gated feed-forward and scaled embeddings. Most blocks look through a sliding window
 * and have a RoPE base of their own; the others see everything.
 *
 * Letters: N new tokens of all rows · D width · H query heads · G key/value heads · K head width · E = H·K ·
 * M = G·K · X = E + M, queries and keys side by side · Y their heads, of all tokens · F feed-forward width · V vocabulary.
 */

import type { ConfigSource } from "@amulet-ts/files";
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import {
  type AxisSizes,
  embedding,
  type Family,
  type ForwardPass,
  type ForwardResult,
  linear,
  type ParameterSpec,
  repeated,
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
import { add, mul, reshape, sliceColumns, tanh } from "../layers/direct.js";
import { passOver } from "../layers/fused-blocks.js";
import { geluConstants, geluTanh } from "../layers/gelu.js";
import { type BlockCache, extendCaches, type RowCache } from "../layers/kv-cache.js";
import { type LayerType, readLayerTypes, readWindow } from "../layers/layer-types.js";
import { normHeads, rmsNorm } from "../layers/norm.js";
import {
  applyRotary,
  batchPositions,
  type RotaryTables,
  rotaryFrequencies,
  rotaryTables,
  rotateHalfMatrix,
} from "../layers/rope.js";
import { type RopeConfig, readPositive, readRope } from "../layers/rope-config.js";
import { tidy } from "../layers/tidy.js";
import { fuseGemma3 } from "./gemma3-fused.js";
import type { Constants, Gemma3Block, Gemma3Config, Gemma3Parameters } from "./gemma3-types.js";

/** Made once for a forward pass and a type of block. */
interface Step {
  readonly lengths: readonly number[];
  readonly rotary: RotaryTables;
  readonly masks: BatchMasks;
}

function attention(
  { attention, rotateHalf_KK, epsilon_11 }: Constants,
  { lengths, rotary, masks }: Step,
  { wqk_DX, queryKeyNorm_X, wv_DM, wo_ED }: Gemma3Block,
  x_ND: Tensor2D,
  caches: readonly BlockCache[],
) {
  const { heads: H, groups: G, headWidth: K } = attention;
  const qk_NX = wqk_DX.multiply(x_ND);
  const normed_YK = splitHeads(normHeads(qk_NX, queryKeyNorm_X, K, epsilon_11), K);
  const turned_NX: Tensor2D = reshape(applyRotary(normed_YK, rotary, rotateHalf_KK), qk_NX.shape);
  const q_NE = sliceColumns(turned_NX, 0, H * K);
  const k_NM = sliceColumns(turned_NX, H * K, G * K);
  const v_NM = wv_DM.multiply(x_ND);
  const attended = attendRows({ q_NE, k_NM, v_NM }, lengths, caches, masks, attention);
  return { out_ND: wo_ED.multiply(attended.mixed_NE), caches: attended.caches };
}

function feedForward(
  { gelu }: Constants,
  { wGate_DF, wUp_DF, wDown_FD }: Gemma3Block,
  x_ND: Tensor2D,
): Tensor2D {
  const gate_NF = geluTanh(wGate_DF.multiply(x_ND), gelu);
  return wDown_FD.multiply(mul(gate_NF, wUp_DF.multiply(x_ND)));
}

function runBlock(
  constants: Constants,
  step: Step,
  block: Gemma3Block,
  x_ND: Tensor2D,
  caches: readonly BlockCache[],
) {
  const norm = (y_ND: Tensor2D, weight_D: Tensor1D) => rmsNorm(y_ND, weight_D, constants.epsilon_11);
  const attended = attention(constants, step, block, norm(x_ND, block.attentionNorm_D), caches);
  const middle_ND = add(x_ND, norm(attended.out_ND, block.attentionOutNorm_D));
  const fed_ND = feedForward(constants, block, norm(middle_ND, block.feedForwardNorm_D));
  return { x_ND: add(middle_ND, norm(fed_ND, block.feedForwardOutNorm_D)), caches: attended.caches };
}

/** What a forward pass needs in blocks of each type. */
function prepareSteps(
  { attention, frequencies }: Constants,
  { windows }: Gemma3Config,
  lengths: readonly number[],
  caches: readonly RowCache[],
): Record<LayerType, Step> {
  const positions = batchPositions(lengths, caches);
  const masks = attentionMasks(lengths, caches, Object.values(windows), attention);
  const prepare = (type: LayerType): Step => ({
    lengths,
    rotary: rotaryTables(positions, attention.heads + attention.groups, frequencies[type]),
    masks: masks.get(windows[type])!,
  });
  return {
    full_attention: prepare("full_attention"),
    sliding_attention: prepare("sliding_attention"),
  };
}

function forward(
  constants: Constants,
  config: Gemma3Config,
  { embedding_VD, blocks }: Gemma3Parameters,
  { ids_N, lengths }: TokenBatch,
  caches: readonly RowCache[],
): ForwardResult {
  const steps = prepareSteps(constants, config, lengths, caches);
  const tokens_ND = embedding_VD.lookUp(ids_N);
  let x_ND = mul(tokens_ND, constants.embeddingScale_11);
  const grown = blocks.map((block, i) => {
    const before_ND = x_ND;
    const step = steps[config.layerTypes[i]!];
    const own = caches.map((cache) => cache.blocks[i]!);
    const result = tidy(() => runBlock(constants, step, block, before_ND, own));
    before_ND.dispose();
    x_ND = result.x_ND;
    return result.caches;
  });
  return { states_ND: x_ND, caches: extendCaches(caches, lengths, grown) };
}

function boundLogits({ logitSoftCap }: Gemma3Config, logits_NV: Tensor2D): Tensor2D {
  if (logitSoftCap === undefined) return logits_NV;
  return tf.mul(tanh(tf.div(logits_NV, logitSoftCap)), logitSoftCap);
}

/** The text part of a model that sees leaves out what has the size of the 4B model. */
function readConfig(source: ConfigSource): Gemma3Config {
  const usual = (size: number) => (source.format === "huggingface" ? size : undefined);
  const heads = source.count(["num_attention_heads", "attention.head_count"], usual(8));
  const width = source.count(["hidden_size", "embedding_length"], usual(2304));
  const headWidth = source.count(["head_dim", "attention.key_length"], 256);
  const blockCount = source.count(["num_hidden_layers", "block_count"], usual(26));
  const contextLength = source.count(["max_position_embeddings", "context_length"], 131_072);
  refuseVariants(source);
  return {
    width,
    heads,
    groups: source.count(["num_key_value_heads", "attention.head_count_kv"], usual(4) ?? heads),
    headWidth,
    blockCount,
    feedForward: source.count(["intermediate_size", "feed_forward_length"], usual(9216)),
    vocabularySize: source.count(["vocab_size", "vocab_size"], usual(262_208)),
    contextLength,
    normEpsilon: source.number(["rms_norm_eps", "attention.layer_norm_rms_epsilon"], 1e-6),
    queryScalar: readQueryScalar(source, blockCount, width / heads, headWidth),
    layerTypes: readBlockTypes(source, blockCount),
    windows: { full_attention: Number.POSITIVE_INFINITY, sliding_attention: readSlidingWindow(source) },
    ropes: {
      full_attention: readRope(source, contextLength, headWidth, "full_attention", 1_000_000),
      sliding_attention: readSlidingRope(source, contextLength, headWidth),
    },
    attentionSoftCap: readSoftCap(source, ["attn_logit_softcapping", "attn_logit_softcapping"]),
    logitSoftCap: readSoftCap(source, ["final_logit_softcapping", "final_logit_softcapping"]),
    tiedEmbedding: source.tiedEmbedding(true),
  };
}

function refuseVariants(source: ConfigSource): void {
  source.allow(["hidden_activation", undefined], ["gelu_pytorch_tanh"]);
  source.allow(["attention_bias", undefined], [false]);
  source.allow(["use_bidirectional_attention", undefined], [false]);
  source.allow([undefined, "attention.causal"], [true]);
}

function readSlidingWindow(source: ConfigSource): number {
  const isUnsaid = source.format === "huggingface" && !source.has(["sliding_window", undefined]);
  return isUnsaid ? 4096 : readWindow(source);
}

/** GGUF files don't hold it; llama.cpp knows that the 27B model, the one of 62 blocks, is the exception. */
function readQueryScalar(
  source: ConfigSource,
  blockCount: number,
  widthPerHead: number,
  headWidth: number,
): number {
  if (source.format === "gguf") return blockCount === 62 ? widthPerHead : headWidth;
  return source.number(["query_pre_attn_scalar", undefined], 256);
}

/** Without `layer_types` every sixth block, or as many as the pattern says, sees everything. */
function readBlockTypes(source: ConfigSource, blockCount: number): LayerType[] {
  const newer = source.count(["_sliding_window_pattern", undefined], 6);
  const pattern = source.count(["sliding_window_pattern", "attention.sliding_window_pattern"], newer);
  return readLayerTypes(source, blockCount, (block) =>
    (block + 1) % pattern === 0 ? "full_attention" : "sliding_attention",
  );
}

/** Only the base differs in older checkpoints: their scaling is for the blocks that see everything. */
function readSlidingRope(source: ConfigSource, contextLength: number, headWidth: number): RopeConfig {
  if (source.nested("rope_parameters"))
    return readRope(source, contextLength, headWidth, "sliding_attention");
  const base = readPositive(source, ["rope_local_base_freq", "rope.freq_base_swa"], 10_000);
  return { base, scaling: { type: "default" } };
}

function readSoftCap(source: ConfigSource, key: readonly [string, string]): number | undefined {
  return source.read(key) === undefined ? undefined : source.number(key);
}

function axisSizes(config: Gemma3Config): AxisSizes {
  const { width: D, heads: H, groups: G, headWidth: K, feedForward: F, vocabularySize: V } = config;
  return { D, E: H * K, M: G * K, K, F, V };
}

/** Our path, Hugging Face's name, llama.cpp's name, the checkpoint's shape. */
function parameters({ heads, groups, tiedEmbedding }: Gemma3Config): ParameterSpec[] {
  const layer = (name: string) => `model.layers.*.${name}.weight`;
  const blk = (name: string) => `blk.*.${name}.weight`;
  const shifted = { offset: 1 };
  const embeddingNames = ["model.embed_tokens.weight", "token_embd.weight"] as const;
  const [headName, headGguf] = tiedEmbedding
    ? embeddingNames
    : (["lm_head.weight", "output.weight"] as const);
  const norm = (path: string, hf: string, gguf: string, shape = "D") =>
    vector(`blocks.*.${path}`, layer(hf), blk(gguf), shape, shifted);
  return [
    embedding("embedding_VD", ...embeddingNames, "VD"),
    norm("attentionNorm_D", "input_layernorm", "attn_norm"),
    sideBySide("blocks.*.wqk_DX", [
      linear("q", layer("self_attn.q_proj"), blk("attn_q"), "ED"),
      linear("k", layer("self_attn.k_proj"), blk("attn_k"), "MD"),
    ]),
    sideBySide("blocks.*.queryKeyNorm_X", [
      ...repeated(heads, norm("q", "self_attn.q_norm", "attn_q_norm", "K")),
      ...repeated(groups, norm("k", "self_attn.k_norm", "attn_k_norm", "K")),
    ]),
    linear("blocks.*.wv_DM", layer("self_attn.v_proj"), blk("attn_v"), "MD"),
    linear("blocks.*.wo_ED", layer("self_attn.o_proj"), blk("attn_output"), "DE"),
    norm("attentionOutNorm_D", "post_attention_layernorm", "post_attention_norm"),
    norm("feedForwardNorm_D", "pre_feedforward_layernorm", "ffn_norm"),
    linear("blocks.*.wGate_DF", layer("mlp.gate_proj"), blk("ffn_gate"), "FD"),
    linear("blocks.*.wUp_DF", layer("mlp.up_proj"), blk("ffn_up"), "FD"),
    linear("blocks.*.wDown_FD", layer("mlp.down_proj"), blk("ffn_down"), "DF"),
    norm("feedForwardOutNorm_D", "post_feedforward_layernorm", "post_ffw_norm"),
    vector("norm_D", "model.norm.weight", "output_norm.weight", "D", shifted),
    linear("head_DV", headName, headGguf, "VD"),
  ];
}

function makeConstants(config: Gemma3Config): Constants {
  const { width, headWidth, queryScalar, ropes, normEpsilon, attentionSoftCap } = config;
  const { full_attention: full, sliding_attention: sliding } = ropes;
  return {
    attention: attentionConstants(config, queryScalar ** -0.5, attentionSoftCap),
    frequencies: {
      full_attention: rotaryFrequencies(headWidth, full.base, full.scaling),
      sliding_attention: rotaryFrequencies(headWidth, sliding.base, sliding.scaling),
    },
    rotateHalf_KK: rotateHalfMatrix(headWidth),
    gelu: geluConstants(),
    epsilon_11: tf.tensor2d([[normEpsilon]]),
    embeddingScale_11: tf.tensor2d([[Math.sqrt(width)]]),
  };
}

function bind(config: Gemma3Config, parameters: Gemma3Parameters): ForwardPass {
  const constants = makeConstants(config);
  const { norm_D, head_DV } = parameters;
  const composed: Pick<ForwardPass, "forward" | "head"> = {
    forward: (batch, caches) => tidy(() => forward(constants, config, parameters, batch, caches)),
    head: (states_ND) => head_DV.multiply(rmsNorm(states_ND, norm_D, constants.epsilon_11)),
  };
  const pass = passOver(
    () => fuseGemma3(constants, config, parameters) ?? composed,
    () => {
      const { attention, rotateHalf_KK, gelu, epsilon_11, embeddingScale_11 } = constants;
      disposeAttention(attention);
      tf.dispose([rotateHalf_KK, gelu.linear_11, gelu.cubic_11, epsilon_11, embeddingScale_11]);
    },
  );
  return { ...pass, head: (states_ND) => tf.tidy(() => boundLogits(config, pass.head(states_ND))) };
}

export const gemma3: Family<Gemma3Config, Gemma3Parameters> = {
  name: "gemma3",
  readConfig,
  axisSizes,
  parameters,
  bind,
};
