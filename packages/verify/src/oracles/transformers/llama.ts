/**
 * The Llama forward pass over one token row, in float64, one token and one head at a time (Touvron et al. 2023), and
 * three families that differ from it in one place each: Mistral's window (Jiang et al. 2023), the biases of Qwen2
 * (arXiv 2407.10671), the norms of Qwen3's queries and keys (arXiv 2505.09388).
 * Weights carry their Hugging Face names and layout.
 */

import type { Row } from "../distribution.js";
import { tabulate } from "../distribution.js";
import { attendCausally, splitHeads } from "./attention.js";
import { type PlainTensors, readTensor } from "./checkpoint.js";
import { kindOf, type WindowConfig, windowOf } from "./layer-kinds.js";
import { add, applyLinear, rmsNorm, rowOf, silu } from "./linear.js";
import { type RopeConfig, ropeFrequencies, rotate } from "./rope.js";

/** The members of the family, by the name that their config.json gives. */
export type LlamaType = "llama" | "mistral" | "qwen2" | "qwen3";

/** config.json, as far as the logits depend on it. */
export interface LlamaConfig extends RopeConfig, WindowConfig {
  /** "llama" where it is absent. */
  readonly model_type?: LlamaType;
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number;
  /** Width of a head; D/H where it is absent, 128 in Qwen3. */
  readonly head_dim?: number | null;
  readonly rms_norm_eps: number;
  readonly tie_word_embeddings?: boolean;
  /** Qwen: without it no block has a window, whatever `sliding_window` says. */
  readonly use_sliding_window?: boolean;
  /** Qwen, older configs: the first block with a window. */
  readonly max_window_layers?: number;
}

/**
 * Logits at every position, `[T][V]`.
 *
 * @throws VerifyError `bad-checkpoint` when a tensor is missing or misshapen
 */
export function llamaLogits(
  config: LlamaConfig,
  tensors: PlainTensors,
  tokens: readonly number[],
): Float64Array[] {
  const { vocab_size, hidden_size, rms_norm_eps } = config;
  const table = readTensor(tensors, "model.embed_tokens.weight", [vocab_size, hidden_size]);
  let states = tokens.map((token) => rowOf(table, token, hidden_size));
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    states = applyBlock(config, tensors, layer, states);
  }
  const norm = readTensor(tensors, "model.norm.weight", [hidden_size]);
  const head = config.tie_word_embeddings
    ? table
    : readTensor(tensors, "lm_head.weight", [vocab_size, hidden_size]);
  return states.map((state) => applyLinear(head, rmsNorm(state, norm, rms_norm_eps)));
}

function applyBlock(
  config: LlamaConfig,
  tensors: PlainTensors,
  layer: number,
  states: readonly Row[],
): Float64Array[] {
  const { hidden_size, rms_norm_eps } = config;
  const prefix = `model.layers.${layer}`;
  const attentionNorm = readTensor(tensors, `${prefix}.input_layernorm.weight`, [hidden_size]);
  const feedForwardNorm = readTensor(tensors, `${prefix}.post_attention_layernorm.weight`, [hidden_size]);

  const normed = states.map((state) => rmsNorm(state, attentionNorm, rms_norm_eps));
  const mixed = selfAttention(config, tensors, layer, normed);
  return states.map((state, position) => {
    const attended = add(state, mixed[position]!);
    const input = rmsNorm(attended, feedForwardNorm, rms_norm_eps);
    return add(attended, feedForward(config, tensors, `${prefix}.mlp`, input));
  });
}

function selfAttention(
  config: LlamaConfig,
  tensors: PlainTensors,
  layer: number,
  inputs: readonly Row[],
): Float64Array[] {
  const heads = config.num_attention_heads;
  const groups = config.num_key_value_heads ?? heads;
  const width = headWidth(config);
  const project = (name: string, count: number) => projectHeads(config, tensors, layer, inputs, name, count);
  const frequencies = ropeFrequencies(config, width, inputs.length);
  const turn = (rows: readonly (readonly Row[])[]) =>
    rows.map((row, position) => row.map((head) => rotate(head, position, frequencies)));
  const rows = {
    queries: turn(project("q", heads)),
    keys: turn(project("k", groups)),
    values: project("v", groups),
  };
  const rule = { scale: 1 / Math.sqrt(width), window: blockWindow(config, layer) };
  const name = `model.layers.${layer}.self_attn.o_proj.weight`;
  const wo = readTensor(tensors, name, [config.hidden_size, heads * width]);
  return attendCausally(rows, rule).map((mixed) => applyLinear(wo, mixed));
}

function headWidth({ model_type, head_dim, hidden_size, num_attention_heads }: LlamaConfig): number {
  return head_dim ?? (model_type === "qwen3" ? 128 : hidden_size / num_attention_heads);
}

/** Mistral: every block has the window, if there is one. Qwen: the upper ones, where the config switches it on. */
function blockWindow(config: LlamaConfig, layer: number): number {
  switch (config.model_type) {
    case "mistral":
      return windowOf(config, "sliding_attention");
    case "qwen2":
    case "qwen3": {
      if (!config.use_sliding_window) return Number.POSITIVE_INFINITY;
      return windowOf(
        config,
        kindOf(config, layer, (block) => block >= (config.max_window_layers ?? 28)),
      );
    }
    default:
      return Number.POSITIVE_INFINITY;
  }
}

/** Queries, keys or values of every position, cut into heads; with Qwen2's biases, or Qwen3's norms. */
function projectHeads(
  config: LlamaConfig,
  tensors: PlainTensors,
  layer: number,
  inputs: readonly Row[],
  name: string,
  count: number,
): Float64Array[][] {
  const width = headWidth(config);
  const read = (suffix: string, shape: readonly number[]) =>
    readTensor(tensors, `model.layers.${layer}.self_attn.${name}_${suffix}`, shape);
  const weight = read("proj.weight", [count * width, config.hidden_size]);
  const bias = config.model_type === "qwen2" ? read("proj.bias", [count * width]) : undefined;
  const heads = inputs.map((input) => splitHeads(applyLinear(weight, input, bias), width));
  if (config.model_type !== "qwen3" || name === "v") return heads;
  const norm = read("norm.weight", [width]);
  return heads.map((row) => row.map((head) => rmsNorm(head, norm, config.rms_norm_eps)));
}

/** SwiGLU: W_down (silu(W_gate x) ⊙ W_up x). */
function feedForward(config: LlamaConfig, tensors: PlainTensors, prefix: string, input: Row): Float64Array {
  const { hidden_size, intermediate_size } = config;
  const gate = applyLinear(
    readTensor(tensors, `${prefix}.gate_proj.weight`, [intermediate_size, hidden_size]),
    input,
  );
  const up = applyLinear(
    readTensor(tensors, `${prefix}.up_proj.weight`, [intermediate_size, hidden_size]),
    input,
  );
  const inner = tabulate(intermediate_size, (i) => silu(gate[i]!) * up[i]!);
  return applyLinear(
    readTensor(tensors, `${prefix}.down_proj.weight`, [hidden_size, intermediate_size]),
    inner,
  );
}
