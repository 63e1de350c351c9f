/**
 * Llama (1, 2, 3, 3.1, 3.2; SmolLM2 and others of the same shape): pre-norm blocks of grouped-query attention
 * with rotary positions and a SwiGLU feed-forward (Touvron et al., arXiv 2302.13971 and 2307.09288).
 *
 * Letters: N new tokens of all rows · D width · H query heads · G key/value heads · K head width · E = H·K ·
 * M = G·K · A = H + G, the heads that turn · Q = E + 2M, queries, keys and values side by side ·
 * X = A·K · F feed-forward width · J = 2F, gate and up side by side · C = K/2 · V vocabulary.
 */

import type { Tensor1D, Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { type AttentionConstants, attendRows, attentionMasks, headKinship } from "../attention.js";
import type { ConfigSource } from "../config.js";
import type {
  AxisSizes,
  Family,
  FamilyConfig,
  ForwardPass,
  ForwardResult,
  ParameterSpec,
  TokenBatch,
} from "../family.js";
import { type Chunk, extendCaches, type RowCache } from "../kv-cache.js";
import { rmsNorm } from "../norm.js";
import {
  batchPositions,
  quarterTurn,
  type RotaryTables,
  rotaryFrequencies,
  rotaryTables,
  rotate,
} from "../rope.js";
import { type RopeConfig, readRope } from "../rope-config.js";
import { tidy } from "../tidy.js";

export interface LlamaConfig extends FamilyConfig {
  readonly width: number;
  readonly heads: number;
  readonly groups: number;
  readonly headWidth: number;
  readonly feedForward: number;
  readonly normEpsilon: number;
  readonly rope: RopeConfig;
  readonly tiedEmbedding: boolean;
}

export interface LlamaBlock {
  readonly attentionNorm_D: Tensor1D;
  readonly wqkv_DQ: Tensor2D;
  readonly wo_ED: Tensor2D;
  readonly feedForwardNorm_D: Tensor1D;
  readonly wGateUp_DJ: Tensor2D;
  readonly wDown_FD: Tensor2D;
}

export interface LlamaParameters {
  readonly embedding_VD: Tensor2D;
  readonly blocks: readonly LlamaBlock[];
  readonly norm_D: Tensor1D;
  readonly head_DV: Tensor2D;
  /** llama.cpp's form of Llama 3.1's scaling: a divisor per rotary frequency. */
  readonly ropeDivisors_C?: Tensor1D;
}

/** What one forward pass needs beside parameters; the same for all blocks. */
interface Step {
  readonly config: LlamaConfig;
  readonly lengths: readonly number[];
  readonly rotary: RotaryTables;
  readonly quarterTurn_KK: Tensor2D;
  readonly masks: readonly (Tensor2D | undefined)[];
  readonly attention: AttentionConstants;
}

type Chunks = readonly (readonly Chunk[])[];

function attention(
  step: Step,
  block: LlamaBlock,
  x_ND: Tensor2D,
  chunks: Chunks,
): { out_ND: Tensor2D; chunks: Chunks } {
  const { heads: H, groups: G, headWidth: K } = step.config;
  const [N, E, M, A] = [x_ND.shape[0], H * K, G * K, H + G];
  const qkv_NQ: Tensor2D = tf.matMul(x_ND, block.wqkv_DQ);
  const qk_NAK: Tensor3D = tf.reshape(tf.slice(qkv_NQ, [0, 0], [N, A * K]), [N, A, K]);
  const turned_NX: Tensor2D = tf.reshape(rotate(qk_NAK, step.rotary, step.quarterTurn_KK), [N, A * K]);
  const q_NE = tf.slice(turned_NX, [0, 0], [N, E]);
  const k_NM = tf.slice(turned_NX, [0, E], [N, M]);
  const v_NM = tf.slice(qkv_NQ, [0, E + M], [N, M]);
  const attended = attendRows({ q_NE, k_NM, v_NM }, step.lengths, chunks, step.masks, step.attention);
  return { out_ND: tf.matMul(attended.mixed_NE, block.wo_ED), chunks: attended.chunks };
}

function feedForward(block: LlamaBlock, x_ND: Tensor2D): Tensor2D {
  const [gate_NF, up_NF] = tf.split(tf.matMul(x_ND, block.wGateUp_DJ), 2, 1) as [Tensor2D, Tensor2D];
  const silu_NF = tf.mul(gate_NF, tf.sigmoid(gate_NF));
  return tf.matMul(tf.mul(silu_NF, up_NF), block.wDown_FD);
}

function runBlock(
  step: Step,
  block: LlamaBlock,
  x_ND: Tensor2D,
  chunks: Chunks,
): { x_ND: Tensor2D; chunks: Chunks } {
  const { normEpsilon } = step.config;
  const attended = attention(step, block, rmsNorm(x_ND, block.attentionNorm_D, normEpsilon), chunks);
  const middle_ND: Tensor2D = tf.add(x_ND, attended.out_ND);
  const fed_ND = feedForward(block, rmsNorm(middle_ND, block.feedForwardNorm_D, normEpsilon));
  const out_ND: Tensor2D = tf.add(middle_ND, fed_ND);
  return { x_ND: out_ND, chunks: attended.chunks };
}

function forward(
  step: Step,
  { embedding_VD, blocks }: LlamaParameters,
  { ids_N }: TokenBatch,
  caches: readonly RowCache[],
): ForwardResult {
  let x_ND: Tensor2D = tf.gather(embedding_VD, tf.tensor1d(ids_N, "int32"));
  const grown = blocks.map((block, i) => {
    const chunks = caches.map((cache) => cache.blocks[i]!);
    const result = tidy(() => runBlock(step, block, x_ND, chunks));
    x_ND.dispose();
    x_ND = result.x_ND;
    return result.chunks;
  });
  return { states_ND: x_ND, caches: extendCaches(caches, step.lengths, grown) };
}

function head(
  { normEpsilon }: LlamaConfig,
  { norm_D, head_DV }: LlamaParameters,
  states_ND: Tensor2D,
): Tensor2D {
  return tf.matMul(rmsNorm(states_ND, norm_D, normEpsilon), head_DV);
}

function readConfig(source: ConfigSource): LlamaConfig {
  const heads = source.count(["num_attention_heads", "attention.head_count"]);
  const width = source.count(["hidden_size", "embedding_length"]);
  const contextLength = source.count(["max_position_embeddings", "context_length"], 2048);
  return {
    width,
    heads,
    groups: source.count(["num_key_value_heads", "attention.head_count_kv"], heads),
    headWidth: source.count(["head_dim", "attention.key_length"], width / heads),
    blockCount: source.count(["num_hidden_layers", "block_count"]),
    feedForward: source.count(["intermediate_size", "feed_forward_length"]),
    vocabularySize: source.count(["vocab_size", "vocab_size"]),
    contextLength,
    normEpsilon: source.number(["rms_norm_eps", "attention.layer_norm_rms_epsilon"], 1e-6),
    rope: readRope(source, contextLength),
    tiedEmbedding: source.tiedEmbedding(false),
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
  return { D, E: H * K, M: G * K, F, V, C: K / 2 };
}

/** Hugging Face's names, llama.cpp's names, the checkpoint's shape. */
function parameters({ heads, groups, tiedEmbedding }: LlamaConfig): ParameterSpec[] {
  const layer = (name: string) => `model.layers.*.${name}.weight`;
  const blk = (name: string) => `blk.*.${name}.weight`;
  const embedding = { huggingface: "model.embed_tokens.weight", gguf: "token_embd.weight", shape: "VD" };
  const output = { huggingface: "lm_head.weight", gguf: "output.weight", shape: "VD" };
  return [
    { path: "embedding_VD", parts: [embedding] },
    {
      path: "blocks.*.attentionNorm_D",
      parts: [{ huggingface: layer("input_layernorm"), gguf: blk("attn_norm"), shape: "D" }],
    },
    {
      path: "blocks.*.wqkv_DQ",
      transpose: true,
      parts: [
        { huggingface: layer("self_attn.q_proj"), gguf: blk("attn_q"), shape: "ED", interleavedHeads: heads },
        {
          huggingface: layer("self_attn.k_proj"),
          gguf: blk("attn_k"),
          shape: "MD",
          interleavedHeads: groups,
        },
        { huggingface: layer("self_attn.v_proj"), gguf: blk("attn_v"), shape: "MD" },
      ],
    },
    {
      path: "blocks.*.wo_ED",
      transpose: true,
      parts: [{ huggingface: layer("self_attn.o_proj"), gguf: blk("attn_output"), shape: "DE" }],
    },
    {
      path: "blocks.*.feedForwardNorm_D",
      parts: [{ huggingface: layer("post_attention_layernorm"), gguf: blk("ffn_norm"), shape: "D" }],
    },
    {
      path: "blocks.*.wGateUp_DJ",
      transpose: true,
      parts: [
        { huggingface: layer("mlp.gate_proj"), gguf: blk("ffn_gate"), shape: "FD" },
        { huggingface: layer("mlp.up_proj"), gguf: blk("ffn_up"), shape: "FD" },
      ],
    },
    {
      path: "blocks.*.wDown_FD",
      transpose: true,
      parts: [{ huggingface: layer("mlp.down_proj"), gguf: blk("ffn_down"), shape: "DF" }],
    },
    { path: "norm_D", parts: [{ huggingface: "model.norm.weight", gguf: "output_norm.weight", shape: "D" }] },
    { path: "head_DV", transpose: true, parts: [tiedEmbedding ? embedding : output] },
    { path: "ropeDivisors_C", optional: true, parts: [{ gguf: "rope_freqs.weight", shape: "C" }] },
  ];
}

function bind(config: LlamaConfig, parameters: LlamaParameters): ForwardPass {
  const { headWidth, rope } = config;
  const divisors = parameters.ropeDivisors_C?.dataSync();
  const frequencies = rotaryFrequencies(
    headWidth,
    rope.base,
    divisors ? { type: "divisors", divisors } : rope.scaling,
  );
  const quarterTurn_KK = quarterTurn(headWidth);
  const attention = {
    ...config,
    scale: headWidth ** -0.5,
    kinship_HG1: headKinship(config),
    window: Number.POSITIVE_INFINITY,
  };
  return {
    forward: (batch, caches) =>
      tidy(() => {
        const { lengths } = batch;
        const rotary = rotaryTables(batchPositions(lengths, caches), frequencies);
        const masks = attentionMasks(lengths, caches, attention.window);
        return forward(
          { config, lengths, rotary, quarterTurn_KK, masks, attention },
          parameters,
          batch,
          caches,
        );
      }),
    head: (states_ND) => tf.tidy(() => head(config, parameters, states_ND)),
    dispose: () => tf.dispose([quarterTurn_KK, attention.kinship_HG1]),
  };
}

export const llama: Family<LlamaConfig, LlamaParameters> = {
  name: "llama",
  readConfig,
  axisSizes,
  parameters,
  bind,
};
