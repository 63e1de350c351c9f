/**
 * The Llama forward pass over one token row, in float64, one token and one head at a time (Touvron et al. 2023).
 * Weights carry their Hugging Face names and layout.
 */
import { attend, headOf, joinHeads } from "./attention.js";
import { type PlainTensors, readTensor } from "./checkpoint.js";
import type { Row } from "./distribution.js";
import { tabulate } from "./distribution.js";
import { add, applyLinear, rmsNorm, rowOf, silu } from "./linear.js";
import { type RopeConfig, ropeFrequencies, rotate } from "./rope.js";

/** config.json of a `LlamaForCausalLM`, as far as the logits depend on it. */
export interface LlamaConfig extends RopeConfig {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number;
  readonly head_dim?: number | null;
  readonly rms_norm_eps: number;
  readonly tie_word_embeddings?: boolean;
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
  const mixed = selfAttention(config, tensors, `${prefix}.self_attn`, normed);
  return states.map((state, position) => {
    const attended = add(state, mixed[position]!);
    const input = rmsNorm(attended, feedForwardNorm, rms_norm_eps);
    return add(attended, feedForward(config, tensors, `${prefix}.mlp`, input));
  });
}

/** Query head h reads key/value head ⌊h / (H/G)⌋: neighbouring query heads share one. */
function selfAttention(
  config: LlamaConfig,
  tensors: PlainTensors,
  prefix: string,
  inputs: readonly Row[],
): Float64Array[] {
  const heads = config.num_attention_heads;
  const groups = config.num_key_value_heads ?? heads;
  const width = config.head_dim ?? config.hidden_size / heads;
  const read = (name: string, rows: number, columns: number) =>
    readTensor(tensors, `${prefix}.${name}.weight`, [rows, columns]);
  const wq = read("q_proj", heads * width, config.hidden_size);
  const wk = read("k_proj", groups * width, config.hidden_size);
  const wv = read("v_proj", groups * width, config.hidden_size);
  const wo = read("o_proj", config.hidden_size, heads * width);

  const frequencies = ropeFrequencies(config, width, inputs.length);
  const project = (weight: Row, count: number) =>
    inputs.map((input) => splitHeads(applyLinear(weight, input), count, width));
  const turn = (rows: Float64Array[][]) =>
    rows.map((row, position) => row.map((head) => rotate(head, position, frequencies)));
  const queries = turn(project(wq, heads));
  const keys = turn(project(wk, groups));
  const values = project(wv, groups);

  return queries.map((row, position) => {
    const outputs = row.map((query, head) => {
      const group = Math.floor(head / (heads / groups));
      const seenKeys = keys.slice(0, position + 1).map((key) => key[group]!);
      const seenValues = values.slice(0, position + 1).map((value) => value[group]!);
      return attend(query, seenKeys, seenValues, 1 / Math.sqrt(width));
    });
    return applyLinear(wo, joinHeads(outputs));
  });
}

function splitHeads(vector: Row, count: number, width: number): Float64Array[] {
  return Array.from({ length: count }, (_, head) => headOf(vector, head, width));
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
