import { type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import { add, mul, sigmoid, square } from "./direct.js";

/** Factors of the tanh form of GELU as tensors: making them from numbers costs more than the arithmetic. */
export interface GeluConstants {
  readonly linear_11: Tensor2D;
  readonly cubic_11: Tensor2D;
}

/** 2√(2/π) and 0.044715 times that. */
export function geluConstants(): GeluConstants {
  const linear = 2 * Math.sqrt(2 / Math.PI);
  return { linear_11: tensor2d([[linear]]), cubic_11: tensor2d([[0.044715 * linear]]) };
}

/**
 * GELU in its tanh form (Hendrycks and Gimpel, arXiv 1606.08415; `gelu_new`, `gelu_pytorch_tanh`):
 * x/2 (1 + tanh(√(2/π)(x + 0.044715 x³))), written as x·σ(2√(2/π)(x + 0.044715 x³)), which keeps its digits
 * where tanh is near −1.
 */
export function geluTanh(x: Tensor2D, { linear_11, cubic_11 }: GeluConstants): Tensor2D {
  return mul(x, sigmoid(mul(x, add(mul(square(x), cubic_11), linear_11))));
}
