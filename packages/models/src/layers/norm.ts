import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import { splitHeads } from "./attention.js";
import { add, meanLast, mul, reshape, rsqrt, square, sub } from "./direct.js";

/**
 * Root-mean-square norm over the last axis (Zhang and Sennrich, arXiv 1910.07467). Shape in, shape out.
 *
 * @param epsilon_11 kept as a tensor: making one from a number costs more than the norm
 */
export function rmsNorm<T extends Tensor>(x: T, weight: Tensor1D, epsilon_11: Tensor2D): T {
  return mul(divideByRms(x, epsilon_11), weight);
}

/**
 * The same norm within each head of width K.
 *
 * @param weight_X of all heads side by side
 */
export function normHeads(
  x_NX: Tensor2D,
  weight_X: Tensor1D,
  headWidth: number,
  epsilon_11: Tensor2D,
): Tensor2D {
  const normed_YK = divideByRms(splitHeads(x_NX, headWidth), epsilon_11);
  return mul(reshape(normed_YK, x_NX.shape), weight_X);
}

function divideByRms<T extends Tensor>(x: T, epsilon_11: Tensor2D): T {
  return mul(x, rsqrt(add(meanLast(square(x)), epsilon_11)));
}

/** Layer norm over the last axis (Ba et al., arXiv 1607.06450). Shape in, shape out. */
export function layerNorm<T extends Tensor>(x: T, weight: Tensor1D, bias: Tensor1D, epsilon_11: Tensor2D): T {
  const centred = sub(x, meanLast(x));
  return add(mul(mul(centred, rsqrt(add(meanLast(square(centred)), epsilon_11))), weight), bias);
}
