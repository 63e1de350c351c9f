/** Products, norms and nonlinearities on one vector at a time: loops that say what they mean. */
import { type Row, sumOver, tabulate } from "../distribution.js";

/** Row `index` of a row-major matrix that is `width` wide. */
export function rowOf(matrix: Row, index: number, width: number): Float64Array {
  return tabulate(width, (i) => matrix[index * width + i]!);
}

/** y(o) = Σ_i W(o, i) x(i) + b(o), W stored `[out, in]` as torch's Linear does. */
export function applyLinear(weight: Row, input: Row, bias?: Row): Float64Array {
  const outputs = weight.length / input.length;
  return tabulate(outputs, (o) => {
    let sum = bias ? bias[o]! : 0;
    for (let i = 0; i < input.length; i++) sum += weight[o * input.length + i]! * input[i]!;
    return sum;
  });
}

/** y(o) = Σ_i x(i) W(i, o) + b(o), W stored `[in, out]` as GPT-2's Conv1D does. */
export function applyConv1d(weight: Row, input: Row, bias: Row): Float64Array {
  const outputs = bias.length;
  return tabulate(outputs, (o) => {
    let sum = bias[o]!;
    for (let i = 0; i < input.length; i++) sum += weight[i * outputs + o]! * input[i]!;
    return sum;
  });
}

/** a + b. */
export function add(left: Row, right: Row): Float64Array {
  return tabulate(left.length, (i) => left[i]! + right[i]!);
}

/** x / √(mean(x²) + ε) · w. */
export function rmsNorm(input: Row, weight: Row, epsilon: number): Float64Array {
  const meanSquare = sumOver(input.length, (i) => input[i]! ** 2) / input.length;
  return tabulate(input.length, (i) => (input[i]! / Math.sqrt(meanSquare + epsilon)) * weight[i]!);
}

/** (x − mean) / √(variance + ε) · w + b. */
export function layerNorm(input: Row, weight: Row, bias: Row, epsilon: number): Float64Array {
  const mean = sumOver(input.length, (i) => input[i]!) / input.length;
  const spread = sumOver(input.length, (i) => (input[i]! - mean) ** 2) / input.length;
  return tabulate(
    input.length,
    (i) => ((input[i]! - mean) / Math.sqrt(spread + epsilon)) * weight[i]! + bias[i]!,
  );
}

/** x σ(x). */
export function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

/** The tanh approximation of x Φ(x), Hugging Face's `gelu_new`. */
export function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}
