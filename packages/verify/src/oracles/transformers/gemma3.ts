/**
 * The Gemma 3 forward pass (text; arXiv 2503.19786) over one token row, in float64, one token and one head at a time.
 * Norms before and after attention and feed-forward, each with the weight 1 + w; norms of queries and keys; embeddings
 * times √D; blocks with a window and a RoPE base of their own between blocks that see everything.
 * Weights carry their Hugging Face names and layout.
 */

import { type Row, tabulate } from "../distribution.js";
import { attendCausally, cap, splitHeads } from "./attention.js";
import { type PlainTensors, readTensor } from "./checkpoint.js";
import { kindOf, type LayerKind, type WindowConfig, windowOf } from "./layer-kinds.js";
import { add, applyLinear, geluTanh, rmsNorm, rowOf } from "./linear.js";
import { type RopeParameters, ropeFrequencies, rotate } from "./rope.js";

/** config.json of a `Gemma3ForCausalLM`, as far as the logits depend on it. */
export interface Gemma3Config extends WindowConfig {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly rms_norm_eps: number;
  readonly max_position_embeddings?: number;
  /** Scores are divided by its square root. */
  readonly query_pre_attn_scalar: number;
  readonly rope_parameters: Readonly<Record<LayerKind, RopeParameters>>;
  readonly attn_logit_softcapping?: number | null;
  readonly final_logit_softcapping?: number | null;
}

/**
 * Logits at every position, `[T][V]`. The head is tied to the token embedding.
 *
 * @throws VerifyError `bad-checkpoint` when a tensor is missing or misshapen
 */
export function gemma3Logits(
  config: Gemma3Config,
  tensors: PlainTensors,
  tokens: readonly number[],
): Float64Array[] {
  const { vocab_size, hidden_size } = config;
  const table = readTensor(tensors, "model.embed_tokens.weight", [vocab_size, hidden_size]);
  let states: Float64Array[] = tokens.map((token) =>
    rowOf(table, token, hidden_size).map((value) => value * Math.sqrt(hidden_size)),
  );
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    states = applyBlock(config, tensors, layer, states);
  }
  return states.map((state) =>
    applyLinear(table, normalise(config, tensors, "model.norm", state)).map((logit) =>
      cap(logit, config.final_logit_softcapping),
    ),
  );
}

/** x / √(mean(x²) + ε) · (1 + w). */
function normalise(config: Gemma3Config, tensors: PlainTensors, name: string, state: Row): Float64Array {
  const weight = readTensor(tensors, `${name}.weight`, [state.length]);
  return rmsNorm(
    state,
    tabulate(state.length, (i) => 1 + weight[i]!),
    config.rms_norm_eps,
  );
}

function applyBlock(
  config: Gemma3Config,
  tensors: PlainTensors,
  layer: number,
  states: readonly Row[],
): Float64Array[] {
  const norm = (name: string, state: Row) =>
    normalise(config, tensors, `model.layers.${layer}.${name}`, state);
  const normed = states.map((state) => norm("input_layernorm", state));
  const mixed = selfAttention(config, tensors, layer, normed);
  return states.map((state, position) => {
    const attended = add(state, norm("post_attention_layernorm", mixed[position]!));
    const fed = feedForward(config, tensors, layer, norm("pre_feedforward_layernorm", attended));
    return add(attended, norm("post_feedforward_layernorm", fed));
  });
}

function selfAttention(
  config: Gemma3Config,
  tensors: PlainTensors,
  layer: number,
  inputs: readonly Row[],
): Float64Array[] {
  const { hidden_size, head_dim, num_attention_heads, num_key_value_heads, rope_parameters } = config;
  const prefix = `model.layers.${layer}.self_attn`;
  const kind = kindOf(config, layer, (block) => (block + 1) % 6 !== 0);
  const rope = { ...config, rope_parameters: rope_parameters[kind] };
  const frequencies = ropeFrequencies(rope, head_dim, inputs.length);
  const project = (name: string, count: number) => {
    const weight = readTensor(tensors, `${prefix}.${name}_proj.weight`, [count * head_dim, hidden_size]);
    return inputs.map((input) => splitHeads(applyLinear(weight, input), head_dim));
  };
  const turn = (name: string, count: number) =>
    project(name, count).map((row, position) =>
      row.map((head) =>
        rotate(normalise(config, tensors, `${prefix}.${name}_norm`, head), position, frequencies),
      ),
    );
  const rows = {
    queries: turn("q", num_attention_heads),
    keys: turn("k", num_key_value_heads),
    values: project("v", num_key_value_heads),
  };
  const softCap = config.attn_logit_softcapping ?? undefined;
  const rule = { scale: config.query_pre_attn_scalar ** -0.5, window: windowOf(config, kind) };
  const wo = readTensor(tensors, `${prefix}.o_proj.weight`, [hidden_size, num_attention_heads * head_dim]);
  return attendCausally(rows, softCap === undefined ? rule : { ...rule, softCap }).map((mixed) =>
    applyLinear(wo, mixed),
  );
}

/** GeGLU: W_down (gelu(W_gate x) ⊙ W_up x). */
function feedForward(config: Gemma3Config, tensors: PlainTensors, layer: number, input: Row): Float64Array {
  const { hidden_size, intermediate_size } = config;
  const read = (name: string, shape: readonly number[]) =>
    readTensor(tensors, `model.layers.${layer}.mlp.${name}_proj.weight`, shape);
  const gate = applyLinear(read("gate", [intermediate_size, hidden_size]), input);
  const up = applyLinear(read("up", [intermediate_size, hidden_size]), input);
  const inner = tabulate(intermediate_size, (i) => geluTanh(gate[i]!) * up[i]!);
  return applyLinear(read("down", [hidden_size, intermediate_size]), inner);
}
