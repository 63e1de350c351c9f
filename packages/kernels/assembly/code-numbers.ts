/** Sixteen codes of a byte each as four vectors of float32. */
import { isSigned, q4_0, q4_1, q4_K } from "./codes";
import { byteMask } from "./layout";

/** Byte j of each lane as float32; of signed codes it comes 2^24 times too large, of others 2^8j times. */
@inline
export function numbers(type: i32, codes: v128, j: i32, mask: v128): v128 {
  if (!isSigned(type)) return f32x4.convert_i32x4_s(v128.and(codes, mask));
  const shifted = j == 3 ? codes : i32x4.shl(codes, 24 - 8 * j);
  return f32x4.convert_i32x4_s(j == 0 ? shifted : v128.and(shifted, mask));
}

/** What takes byte j of a lane; loaded, since a constant would be made anew at each use. */
@inline
export function maskOf(type: i32, j: i32): v128 {
  const byte = load<i32>(byteMask);
  if (isSigned(type)) return i32x4.splat(byte << 24);
  return i32x4.splat((byte >> (type == q4_0 || type == q4_1 || type == q4_K ? 4 : 0)) << (8 * j));
}
