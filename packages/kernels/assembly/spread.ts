/** Sixteen small integers in bytes, times a scale, as float32 at an address. */

/** Signed bytes. */
@inline
export function spreadSigned(to: usize, bytes: v128, scale: v128): void {
  const low = i16x8.extend_low_i8x16_s(bytes);
  const high = i16x8.extend_high_i8x16_s(bytes);
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), scale));
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), scale), 16);
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), scale), 32);
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), scale), 48);
}

/** Unsigned bytes, and a minimum that is taken off: the product is exact, so that one rounding is left. */
@inline
export function spreadAbove(to: usize, bytes: v128, scale: v128, minimum: v128): void {
  const low = i16x8.extend_low_i8x16_u(bytes);
  const high = i16x8.extend_high_i8x16_u(bytes);
  v128.store(to, above(i32x4.extend_low_i16x8_u(low), scale, minimum));
  v128.store(to, above(i32x4.extend_high_i16x8_u(low), scale, minimum), 16);
  v128.store(to, above(i32x4.extend_low_i16x8_u(high), scale, minimum), 32);
  v128.store(to, above(i32x4.extend_high_i16x8_u(high), scale, minimum), 48);
}

@inline
function above(quanta: v128, scale: v128, minimum: v128): v128 {
  return f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(quanta), scale), minimum);
}

@inline
export function lowNibbles(bytes: v128): v128 {
  return v128.and(bytes, i8x16.splat(15));
}

@inline
export function highNibbles(bytes: v128): v128 {
  return i8x16.shr_u(bytes, 4);
}
