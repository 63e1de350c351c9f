/** GGUF's blocks of 32 weights; their layouts as in packages/files/src/formats/numbers/block-quants.ts. */
import { tabledHalf } from "./floats";
import { highNibbles, lowNibbles, spreadAbove, spreadSigned } from "./spread";

export function decodeQ8_0(from: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i += 32, from += 34, to += 128) {
    const scale = tabledHalf(from);
    spreadSigned(to, v128.load(from, 2), scale);
    spreadSigned(to + 64, v128.load(from, 18), scale);
  }
}

export function decodeQ4_0(from: usize, to: usize, count: i32): void {
  const middle = i8x16.splat(8);
  for (let i = 0; i < count; i += 32, from += 18, to += 128) {
    const scale = tabledHalf(from);
    const pairs = v128.load(from, 2);
    spreadSigned(to, i8x16.sub(lowNibbles(pairs), middle), scale);
    spreadSigned(to + 64, i8x16.sub(highNibbles(pairs), middle), scale);
  }
}

export function decodeQ4_1(from: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i += 32, from += 20, to += 128) {
    const scale = tabledHalf(from);
    const minimum = f32x4.neg(tabledHalf(from + 2));
    const pairs = v128.load(from, 4);
    spreadAbove(to, lowNibbles(pairs), scale, minimum);
    spreadAbove(to + 64, highNibbles(pairs), scale, minimum);
  }
}

/** Sixteen bits as the fifth bits of sixteen bytes. */
@inline
function fifthBits(bits: u16): v128 {
  const doubled = i8x16.shuffle(i16x8.splat(bits), i16x8.splat(bits), 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  const places = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  return v128.and(i8x16.eq(v128.and(doubled, places), places), i8x16.splat(16));
}

export function decodeQ5_0(from: usize, to: usize, count: i32): void {
  const middle = i8x16.splat(16);
  for (let i = 0; i < count; i += 32, from += 22, to += 128) {
    const scale = tabledHalf(from);
    const pairs = v128.load(from, 6);
    const first = v128.or(lowNibbles(pairs), fifthBits(load<u16>(from, 2)));
    const second = v128.or(highNibbles(pairs), fifthBits(load<u16>(from, 4)));
    spreadSigned(to, i8x16.sub(first, middle), scale);
    spreadSigned(to + 64, i8x16.sub(second, middle), scale);
  }
}

export function decodeQ5_1(from: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i += 32, from += 24, to += 128) {
    const scale = tabledHalf(from);
    const minimum = f32x4.neg(tabledHalf(from + 2));
    const pairs = v128.load(from, 8);
    spreadAbove(to, v128.or(lowNibbles(pairs), fifthBits(load<u16>(from, 4))), scale, minimum);
    spreadAbove(to + 64, v128.or(highNibbles(pairs), fifthBits(load<u16>(from, 6))), scale, minimum);
  }
}
