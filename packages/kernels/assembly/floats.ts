/**
 * Numbers that stand by themselves, and the half-precision scales of blocks. A subnormal half is made from its integer:
 * going by way of a subnormal float32, as the usual trick does, costs processors a hundred times as much.
 */
import { halvesTable } from "./layout";

/** IEEE binary16 at an address; exact. */
@inline
export function half(at: usize): f32 {
  const bits = <u32>load<u16>(at);
  const sign = (bits & 0x8000) << 16;
  const exponent = bits & 0x7c00;
  const fraction = bits & 0x3ff;
  if (exponent == 0) return copysign<f32>(<f32>fraction * <f32>5.9604644775390625e-8, reinterpret<f32>(sign));
  if (exponent == 0x7c00) return reinterpret<f32>(sign | 0x7f800000 | (fraction << 13));
  return reinterpret<f32>(sign | (((bits & 0x7fff) << 13) + 0x38000000));
}

/** The same in all lanes, from the table that is written once (codes.ts): no branch. */
@inline
export function tabledHalf(at: usize): v128 {
  return halfOfBits(load<u16>(at));
}

@inline
export function halfOfBits(bits: u16): v128 {
  return v128.load32_splat(<usize>load<u32>(halvesTable) + (<usize>bits << 2));
}

/** Four halves, as the low halves of four lanes. */
@inline
function halves(bits: v128): v128 {
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
  const exponent = v128.and(bits, i32x4.splat(0x7c00));
  const fraction = v128.and(bits, i32x4.splat(0x3ff));
  const shifted = i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13);
  const normal = i32x4.add(shifted, i32x4.splat(0x38000000));
  const subnormal = f32x4.mul(f32x4.convert_i32x4_s(fraction), f32x4.splat(5.9604644775390625e-8));
  const finite = v128.bitselect(subnormal, normal, i32x4.eq(exponent, i32x4.splat(0)));
  const special = v128.or(shifted, i32x4.splat(0x7f800000));
  const isSpecial = i32x4.eq(exponent, i32x4.splat(0x7c00));
  return v128.or(sign, v128.bitselect(special, finite, isSpecial));
}

// Into vectors of four that lie `step` bytes apart.

export function decodeF32(from: usize, to: usize, count: i32, step: usize): void {
  for (; count >= 8; count -= 8, from += 32, to += 2 * step) {
    v128.store(to, v128.load(from));
    v128.store(to + step, v128.load(from, 16));
  }
  for (let i = 0; i < count; i++, from += 4) store<f32>(placeOf(to, i, step), load<f32>(from));
}

export function decodeF16(from: usize, to: usize, count: i32, step: usize): void {
  for (; count >= 8; count -= 8, from += 16, to += 2 * step) {
    const eight = v128.load(from);
    v128.store(to, halves(i32x4.extend_low_i16x8_u(eight)));
    v128.store(to + step, halves(i32x4.extend_high_i16x8_u(eight)));
  }
  for (let i = 0; i < count; i++, from += 2) store<f32>(placeOf(to, i, step), half(from));
}

export function decodeBF16(from: usize, to: usize, count: i32, step: usize): void {
  for (; count >= 8; count -= 8, from += 16, to += 2 * step) {
    const eight = v128.load(from);
    v128.store(to, i32x4.shl(i32x4.extend_low_i16x8_u(eight), 16));
    v128.store(to + step, i32x4.shl(i32x4.extend_high_i16x8_u(eight), 16));
  }
  for (let i = 0; i < count; i++, from += 2) store<u32>(placeOf(to, i, step), <u32>load<u16>(from) << 16);
}

/** Where one of the last numbers goes. */
@inline
function placeOf(to: usize, i: i32, step: usize): usize {
  return to + <usize>(i >> 2) * step + (<usize>(i & 3) << 2);
}
