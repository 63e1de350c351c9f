/** ArmoRM's mixture of its rewards (Wang et al. 2024, arXiv 2406.12845): the prompt weighs what the answer is rated by. */
import type { ParameterTree } from "../family.js";

interface Layer {
  /** `[out, in]`, row by row; the first one's products come from the model. */
  readonly weight?: Float32Array;
  readonly bias: Float32Array;
}

export interface Gate {
  readonly layers: readonly Layer[];
  readonly temperature: number;
  readonly scale: number;
  /** `[R, R]`, row by row. */
  readonly transform: Float32Array;
}

/** The gate out of a model's parameters, by the paths of `gatedHead`. */
export function readGate(parameters: ParameterTree, layerCount: number, temperature: number): Gate {
  const at = (path: string) => (parameters as unknown as Record<string, Float32Array>)[path]!;
  const layers = Array.from({ length: layerCount }, (_, i) => ({
    bias: at(`gateBias${i}`),
    ...(i > 0 && { weight: at(`gateWeight${i}`) }),
  }));
  return { layers, temperature, scale: at("gateScale")[0]!, transform: at("rewardTransform") };
}

/**
 * `Σ g_j Σ_i r_i M_ij`, g = scale · softmax(gate of the prompt / temperature).
 *
 * @param rewards of the answer, by head
 * @param products of the prompt's state with the gate's first layer, without its bias
 */
export function mixRewards(gate: Gate, rewards: readonly number[], products: readonly number[]): number {
  const { layers, temperature, scale, transform } = gate;
  const logits = layers.reduce((state: readonly number[], { weight, bias }, i) => {
    const sums = weight ? multiply(weight, state, bias.length) : state;
    const biased = sums.map((sum, j) => sum + bias[j]!);
    return i === layers.length - 1 ? biased : biased.map((value) => Math.max(0, value));
  }, products);
  const weights = softmax(logits.map((logit) => logit / temperature));
  const mixed = (j: number) =>
    rewards.reduce((sum, reward, i) => sum + reward * transform[i * weights.length + j]!, 0);
  return scale * weights.reduce((sum, weight, j) => sum + weight * mixed(j), 0);
}

function multiply(weight: Float32Array, inputs: readonly number[], outputs: number): number[] {
  const width = inputs.length;
  return Array.from({ length: outputs }, (_, o) =>
    inputs.reduce((sum, input, i) => sum + weight[o * width + i]! * input, 0),
  );
}

function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
