import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import { add, meanLast, mul, rsqrt, square } from "./direct.js";

/**
 * Root-mean-square norm over the last axis (Zhang and Sennrich, arXiv 1910.07467). Shape in, shape out.
 *
 * @param epsilon_11 kept as a tensor: making one from a number costs more than the norm
 */
export function rmsNorm<T extends Tensor>(x: T, weight: Tensor1D, epsilon_11: Tensor2D): T {
  return mul(mul(x, rsqrt(add(meanLast(square(x)), epsilon_11))), weight);
}
