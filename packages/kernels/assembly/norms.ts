/**
 * Norms of `count` rows, which lie `bytes` apart and end on zeros up to a multiple of four numbers, as weight and bias do. A row
 * may be written to its own place.
 */
import { sumOf } from "./elementwise";

/** By the root mean square. */
export function rmsNorm(from: usize, weight: usize, to: usize, count: i32, width: i32, bytes: usize, epsilon: f32): void {
  const end = <usize>((width + 3) & ~3) << 2;
  for (let n = 0; n < count; n++, from += bytes, to += bytes) {
    let squares = f32x4.splat(0);
    for (let at: usize = 0; at < end; at += 16) {
      const x = v128.load(from + at);
      squares = f32x4.add(squares, f32x4.mul(x, x));
    }
    const factor = f32x4.splat(<f32>1 / sqrt<f32>(sumOf(squares) / <f32>width + epsilon));
    for (let at: usize = 0; at < end; at += 16) {
      v128.store(to + at, f32x4.mul(f32x4.mul(v128.load(from + at), factor), v128.load(weight + at)));
    }
  }
}

/** By mean and standard deviation. */
export function layerNorm(
  from: usize, weight: usize, bias: usize, to: usize, count: i32, width: i32, bytes: usize, epsilon: f32,
): void {
  const end = <usize>((width + 3) & ~3) << 2;
  for (let n = 0; n < count; n++, from += bytes, to += bytes) {
    let sum = f32x4.splat(0);
    for (let at: usize = 0; at < end; at += 16) sum = f32x4.add(sum, v128.load(from + at));
    const mean = f32x4.splat(sumOf(sum) / <f32>width);
    let squares = f32x4.splat(0);
    for (let at: usize = 0; at < end; at += 16) {
      const centred = f32x4.sub(v128.load(from + at), mean);
      // What a row is padded with is no number of it.
      const own = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(width - <i32>(at >> 2)));
      squares = f32x4.add(squares, v128.and(f32x4.mul(centred, centred), own));
    }
    const factor = f32x4.splat(<f32>1 / sqrt<f32>(sumOf(squares) / <f32>width + epsilon));
    for (let at: usize = 0; at < end; at += 16) {
      const normed = f32x4.mul(f32x4.sub(v128.load(from + at), mean), factor);
      v128.store(to + at, f32x4.add(f32x4.mul(normed, v128.load(weight + at)), v128.load(bias + at)));
    }
  }
}
