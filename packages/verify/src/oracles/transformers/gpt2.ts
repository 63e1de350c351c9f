/**
 * The GPT-2 forward pass over one token row, in float64, one token and one head at a time (Radford et al. 2019).
 * Weights carry their Hugging Face names and layout: linear weights are `[in, out]`.
 */

import type { Row } from "../distribution.js";
import { attendCausally, headOf } from "./attention.js";
import { type PlainTensors, readTensor } from "./checkpoint.js";
import { add, applyConv1d, applyLinear, geluTanh, layerNorm, rowOf } from "./linear.js";

/** config.json of a `GPT2LMHeadModel`, as far as the logits depend on it. */
export interface Gpt2Config {
  readonly vocab_size: number;
  readonly n_embd: number;
  readonly n_head: number;
  readonly n_layer: number;
  readonly n_positions: number;
  readonly n_inner?: number | null;
  readonly layer_norm_epsilon: number;
}

/**
 * Logits at every position, `[T][V]`. The head is tied to the token embedding.
 *
 * @throws VerifyError `bad-checkpoint` when a tensor is missing or misshapen
 */
export function gpt2Logits(
  config: Gpt2Config,
  tensors: PlainTensors,
  tokens: readonly number[],
): Float64Array[] {
  const { vocab_size, n_embd, n_positions } = config;
  const tokenTable = read(tensors, "wte.weight", [vocab_size, n_embd]);
  const positionTable = read(tensors, "wpe.weight", [n_positions, n_embd]);
  let states = tokens.map((token, position) =>
    add(rowOf(tokenTable, token, n_embd), rowOf(positionTable, position, n_embd)),
  );
  for (let layer = 0; layer < config.n_layer; layer++) {
    states = applyBlock(config, tensors, `h.${layer}`, states);
  }
  return states.map((state) => applyLinear(tokenTable, normalise(config, tensors, "ln_f", state)));
}

/** Checkpoints of the bare model omit the prefix `transformer.`, as OpenAI's own do. */
function read(tensors: PlainTensors, name: string, shape: readonly number[]): Row {
  return readTensor(tensors, tensors.has(name) ? name : `transformer.${name}`, shape);
}

function applyBlock(
  config: Gpt2Config,
  tensors: PlainTensors,
  prefix: string,
  states: readonly Row[],
): Float64Array[] {
  const normed = states.map((state) => normalise(config, tensors, `${prefix}.ln_1`, state));
  const mixed = selfAttention(config, tensors, `${prefix}.attn`, normed);
  return states.map((state, position) => {
    const attended = add(state, mixed[position]!);
    const input = normalise(config, tensors, `${prefix}.ln_2`, attended);
    return add(attended, feedForward(config, tensors, `${prefix}.mlp`, input));
  });
}

function normalise(config: Gpt2Config, tensors: PlainTensors, name: string, state: Row): Float64Array {
  const weight = read(tensors, `${name}.weight`, [config.n_embd]);
  const bias = read(tensors, `${name}.bias`, [config.n_embd]);
  return layerNorm(state, weight, bias, config.layer_norm_epsilon);
}

/** `c_attn` gives query, key and value side by side, each with its heads side by side. */
function selfAttention(
  config: Gpt2Config,
  tensors: PlainTensors,
  prefix: string,
  inputs: readonly Row[],
): Float64Array[] {
  const { n_embd, n_head } = config;
  const width = n_embd / n_head;
  const joint = inputs.map((input) => project(tensors, `${prefix}.c_attn`, [n_embd, 3 * n_embd], input));
  const part = (position: number, which: number, head: number) =>
    headOf(joint[position]!, which * n_head + head, width);

  const parts = (which: number) =>
    joint.map((_, position) => Array.from({ length: n_head }, (_, head) => part(position, which, head)));
  const rows = { queries: parts(0), keys: parts(1), values: parts(2) };
  return attendCausally(rows, { scale: 1 / Math.sqrt(width) }).map((mixed) =>
    project(tensors, `${prefix}.c_proj`, [n_embd, n_embd], mixed),
  );
}

function feedForward(config: Gpt2Config, tensors: PlainTensors, prefix: string, input: Row): Float64Array {
  const inner = config.n_inner ?? 4 * config.n_embd;
  const hidden = project(tensors, `${prefix}.c_fc`, [config.n_embd, inner], input).map(geluTanh);
  return project(tensors, `${prefix}.c_proj`, [inner, config.n_embd], hidden);
}

function project(
  tensors: PlainTensors,
  name: string,
  [inputs, outputs]: readonly [number, number],
  input: Row,
): Float64Array {
  const weight = read(tensors, `${name}.weight`, [inputs, outputs]);
  return applyConv1d(weight, input, read(tensors, `${name}.bias`, [outputs]));
}
