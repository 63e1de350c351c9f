/**
 * Activations as products with codes want them. Sixteen of them, as four times four, are turned: vector j has numbers j, j + 4,
 * j + 8 and j + 12, which are the lanes that byte j of four 32-bit numbers comes from. Two forms:
 *
 * * turned, for signed codes and for more than two rows: that and nothing else, 16 numbers in 64 bytes;
 * * scaled, for one or two rows and unsigned codes: vector j is 2^-8j times as large, exactly, and after each 32 numbers four
 *   partial sums of them follow, for the offset of their weights: 32 numbers in 144 bytes.
 */

/** Bytes of 32 numbers. */
export const turnedBytes: usize = 128;
export const scaledBytes: usize = 144;

/** @param width a multiple of 32 */
export function prepareStates(from: usize, to: usize, width: i32, isTurned: bool): void {
  for (let i = 0; i < width; i += 32, from += 128) {
    const first = turnSixteen(from, to, isTurned);
    const second = turnSixteen(from + 64, to + 64, isTurned);
    if (!isTurned) v128.store(to, f32x4.add(first, second), 128);
    to += isTurned ? turnedBytes : scaledBytes;
  }
}

/** Returns partial sums of the sixteen. */
function turnSixteen(from: usize, to: usize, isTurned: bool): v128 {
  const a = v128.load(from);
  const b = v128.load(from, 16);
  const c = v128.load(from, 32);
  const d = v128.load(from, 48);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const ab2 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd2 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  const factor: f32 = isTurned ? 1 : 0.00390625;
  put(to, i64x2.shuffle(ab, cd, 0, 2), 1);
  put(to + 16, i64x2.shuffle(ab, cd, 1, 3), factor);
  put(to + 32, i64x2.shuffle(ab2, cd2, 0, 2), factor * factor);
  put(to + 48, i64x2.shuffle(ab2, cd2, 1, 3), factor * factor * factor);
  return f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
}

@inline
function put(to: usize, x: v128, factor: f32): void {
  v128.store(to, f32x4.mul(x, f32x4.splat(factor)));
}
