import type { NextLogits } from "./toy-model.js";

/**
 * Logits that depend on every token of the row and its order, by a small hash: `size` of them between ±`scale`, and each
 * `slope` below the one before, for rows as peaked as a language model's.
 */
export function hashedLogits(size: number, scale = 3, slope = 0): NextLogits {
  return (row) => {
    const hash = row.reduce((sum, token) => Math.imul(sum, 31) + token + 7, 17);
    return Array.from({ length: size }, (_, i) => scale * Math.sin((hash % 1009) * (i + 1)) - slope * i);
  };
}
