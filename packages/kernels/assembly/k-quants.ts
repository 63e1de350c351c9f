/** GGUF's blocks of 256 weights; their layouts as in packages/files/src/formats/numbers/k-quants.ts. */
import { half } from "./floats";
import { highNibbles, lowNibbles, spreadAbove, spreadSigned } from "./spread";

/** Eight 6-bit scales and eight 6-bit minima share 12 bytes; the last four of each borrow the first's top bits. */
@inline
function groupScale(packed: usize, group: i32): u32 {
  if (group < 4) return load<u8>(packed + group) & 63;
  return (<u32>load<u8>(packed + group + 4) & 15) | ((<u32>load<u8>(packed + group - 4) >> 6) << 4);
}

@inline
function groupMinimum(packed: usize, group: i32): u32 {
  if (group < 4) return load<u8>(packed + group + 4) & 63;
  return (<u32>load<u8>(packed + group + 4) >> 4) | ((<u32>load<u8>(packed + group) >> 6) << 4);
}

/** Groups in pairs: the low nibbles of 32 bytes are one of them, the high nibbles the next. */
export function decodeQ4_K(from: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i += 256, from += 144) {
    const d = half(from);
    const dmin = half(from + 2);
    for (let group = 0; group < 8; group += 2, to += 256) {
      const pairs = from + 16 + (<usize>group << 4);
      const scale = f32x4.splat(d * <f32>groupScale(from + 4, group));
      const minimum = f32x4.splat(dmin * <f32>groupMinimum(from + 4, group));
      const nextScale = f32x4.splat(d * <f32>groupScale(from + 4, group + 1));
      const nextMinimum = f32x4.splat(dmin * <f32>groupMinimum(from + 4, group + 1));
      const first = v128.load(pairs);
      const second = v128.load(pairs, 16);
      spreadAbove(to, lowNibbles(first), scale, minimum);
      spreadAbove(to + 64, lowNibbles(second), scale, minimum);
      spreadAbove(to + 128, highNibbles(first), nextScale, nextMinimum);
      spreadAbove(to + 192, highNibbles(second), nextScale, nextMinimum);
    }
  }
}

@inline
function fifthBit(bytes: v128, group: i32): v128 {
  return i8x16.shl(v128.and(i8x16.shr_u(bytes, group), i8x16.splat(1)), 4);
}

export function decodeQ5_K(from: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i += 256, from += 176) {
    const d = half(from);
    const dmin = half(from + 2);
    const firstFifths = v128.load(from, 16);
    const secondFifths = v128.load(from, 32);
    for (let group = 0; group < 8; group += 2, to += 256) {
      const pairs = from + 48 + (<usize>group << 4);
      const scale = f32x4.splat(d * <f32>groupScale(from + 4, group));
      const minimum = f32x4.splat(dmin * <f32>groupMinimum(from + 4, group));
      const nextScale = f32x4.splat(d * <f32>groupScale(from + 4, group + 1));
      const nextMinimum = f32x4.splat(dmin * <f32>groupMinimum(from + 4, group + 1));
      const first = v128.load(pairs);
      const second = v128.load(pairs, 16);
      spreadAbove(to, v128.or(lowNibbles(first), fifthBit(firstFifths, group)), scale, minimum);
      spreadAbove(to + 64, v128.or(lowNibbles(second), fifthBit(secondFifths, group)), scale, minimum);
      spreadAbove(to + 128, v128.or(highNibbles(first), fifthBit(firstFifths, group + 1)), nextScale, nextMinimum);
      spreadAbove(to + 192, v128.or(highNibbles(second), fifthBit(secondFifths, group + 1)), nextScale, nextMinimum);
    }
  }
}

/** Sixteen of a group: four low bits, and two high ones that stand above them. */
@inline
function sixBits(low: v128, highs: v128, shift: i32): v128 {
  const high = i8x16.shl(v128.and(i8x16.shr_u(highs, shift), i8x16.splat(3)), 4);
  return i8x16.sub(v128.or(low, high), i8x16.splat(32));
}

export function decodeQ6_K(from: usize, to: usize, count: i32): void {
  for (let i = 0; i < count; i += 256, from += 210) {
    const d = half(from + 208);
    for (let part = 0; part < 4; part++, to += 64) {
      // A half of the block and sixteen of the 32 columns that its bytes have.
      const column = <usize>(part & 1) << 4;
      const start = to + (<usize>(part >> 1) << 9) - (<usize>part << 6) + (column << 2);
      const lows = from + (<usize>(part >> 1) << 6) + column;
      const highs = v128.load(from + 128 + (<usize>(part >> 1) << 5) + column);
      const scales = from + 192 + (<usize>(part >> 1) << 3) + <usize>(part & 1);
      const first = v128.load(lows);
      const second = v128.load(lows, 32);
      spreadSigned(start, sixBits(lowNibbles(first), highs, 0), f32x4.splat(d * <f32>load<i8>(scales)));
      spreadSigned(start + 128, sixBits(lowNibbles(second), highs, 2), f32x4.splat(d * <f32>load<i8>(scales, 2)));
      spreadSigned(start + 256, sixBits(highNibbles(first), highs, 4), f32x4.splat(d * <f32>load<i8>(scales, 4)));
      spreadSigned(start + 384, sixBits(highNibbles(second), highs, 6), f32x4.splat(d * <f32>load<i8>(scales, 6)));
    }
    to += 768;
  }
}
