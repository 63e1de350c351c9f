/**
 * Blocks taken apart for narrow products: their codes, sixteen bytes at a time, and what a code is multiplied with and
 * what is added. `type` is a constant wherever these are inlined, so that of each function one branch is left. Layouts as in
 * block-quants.ts and k-quants.ts.
 */
import { half as halfAt, tabledHalf as half } from "./floats";
import { byteMask, halvesTable } from "./layout";

export const q4_0: i32 = 2;
export const q4_1: i32 = 3;
export const q5_0: i32 = 6;
export const q5_1: i32 = 7;
export const q8_0: i32 = 8;
export const q4_K: i32 = 12;
export const q5_K: i32 = 13;
export const q6_K: i32 = 14;

/** Codes below zero, and no offset. Others are from 0 to 31. */
@inline
export function isSigned(type: i32): bool {
  return type == q8_0 || type == q6_K;
}

@inline
export function isBlockOf256(type: i32): bool {
  return type >= q4_K;
}

@inline
export function blockBytes(type: i32): usize {
  if (type == q4_0) return 18;
  if (type == q4_1) return 20;
  if (type == q5_0) return 22;
  if (type == q5_1) return 24;
  if (type == q8_0) return 34;
  if (type == q4_K) return 144;
  if (type == q5_K) return 176;
  return 210;
}

/** Sixteens of a block that share a scale. */
@inline
export function sixteensOfScale(type: i32): i32 {
  return type == q6_K ? 1 : 2;
}

/** Sixteen of a block's codes, from number 16·index on. Those of four bits have more above, which the caller takes off. */
@inline
export function codes(type: i32, block: usize, index: i32): v128 {
  if (type == q8_0) return v128.load(block + (<usize>index << 4), 2);
  if (type == q6_K) return sixBits(block, index);
  if (type == q4_K || type == q5_K) {
    const half = <usize>(index & 1) << 4;
    const raw = v128.load(block + (type == q4_K ? 16 : 48) + (<usize>(index >> 2) << 5) + half);
    const low = i32x4.shr_u(raw, (index & 2) << 1);
    if (type == q4_K) return low;
    const fifths = i32x4.shl(i32x4.shr_u(v128.load(block + half, 16), index >> 1), 4);
    return v128.or(v128.and(low, i8x16.splat(15)), v128.and(fifths, i8x16.splat(16)));
  }
  const codesAt: usize = type == q4_0 ? 2 : type == q4_1 ? 4 : type == q5_0 ? 6 : 8;
  const pairs = v128.load(block + codesAt);
  const low = index == 0 ? pairs : i32x4.shr_u(pairs, 4);
  if (type == q4_0 || type == q4_1) return low;
  const fifths = load<u16>(block + (<usize>index << 1) + (type == q5_0 ? 2 : 4));
  return v128.or(v128.and(low, i8x16.splat(15)), fifthBits(fifths));
}

/** Sixteen bits as the fifth bits of sixteen bytes. */
@inline
function fifthBits(bits: u16): v128 {
  const doubled = i8x16.shuffle(i16x8.splat(bits), i16x8.splat(bits), 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  const places = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  return v128.and(i8x16.eq(v128.and(doubled, places), places), i8x16.splat(16));
}

/** Of Q6_K: halves of 128, in them quarters of 32, in them columns of 16. */
@inline
function sixBits(block: usize, index: i32): v128 {
  const part = <usize>(index >> 3);
  const quarter = (index >> 1) & 3;
  const column = <usize>(index & 1) << 4;
  const lows = v128.load(block + (part << 6) + (<usize>(quarter & 1) << 5) + column);
  const highs = v128.load(block + (part << 5) + column, 128);
  const low = v128.and(i32x4.shr_u(lows, (quarter >> 1) << 2), i8x16.splat(15));
  const high = v128.and(i32x4.shl(i32x4.shr_u(highs, quarter << 1), 4), i8x16.splat(48));
  return i8x16.sub(v128.or(low, high), i8x16.splat(32));
}

/** What is worked out once for a block: of K types the eight scales and offsets, put into scratch. */
@inline
export function open(type: i32, block: usize, scratch: usize): void {
  if (type == q4_K || type == q5_K) openGroups(block, scratch);
}

/** Eight 6-bit scales and eight 6-bit minima share 12 bytes; the last four of each borrow the first's top bits. */
function openGroups(block: usize, scratch: usize): void {
  const scales = load<u32>(block, 4);
  const minima = load<u32>(block, 8);
  const rest = load<u32>(block, 12);
  const laterScales = (rest & 0x0f0f0f0f) | ((scales >> 2) & 0x30303030);
  const laterMinima = ((rest >> 4) & 0x0f0f0f0f) | ((minima >> 2) & 0x30303030);
  const d = half(block);
  const dmin = f32x4.neg(half(block + 2));
  v128.store(scratch, f32x4.mul(d, fourBytes(scales & 0x3f3f3f3f)));
  v128.store(scratch, f32x4.mul(d, fourBytes(laterScales)), 16);
  v128.store(scratch, f32x4.mul(dmin, fourBytes(minima & 0x3f3f3f3f)), 32);
  v128.store(scratch, f32x4.mul(dmin, fourBytes(laterMinima)), 48);
}

@inline
function fourBytes(bytes: u32): v128 {
  const wide = i16x8.extend_low_i8x16_u(i32x4.splat(bytes));
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(wide));
}

/** Writes the table of all halves, 2^18 bytes, and what stands beside it. */
export function tellHalves(table: usize): void {
  store<i32>(byteMask, 255);
  store<u32>(halvesTable, <u32>table);
  // Each number's own place serves for its bits.
  for (let bits = 0; bits < 65536; bits++) {
    const at = table + (<usize>bits << 2);
    store<u16>(at, <u16>bits);
    store<f32>(at, halfAt(at));
  }
}

/** What codes of a group are multiplied with. */
@inline
export function scaleOf(type: i32, block: usize, group: i32, scratch: usize): v128 {
  if (type == q4_K || type == q5_K) return v128.load32_splat(scratch + (<usize>group << 2));
  if (type != q6_K) return half(block);
  return f32x4.mul(half(block + 208), f32x4.splat(<f32>load<i8>(block + 192 + <usize>group)));
}

/** What is added to the product of scale and code. */
@inline
export function offsetOf(type: i32, block: usize, group: i32, scratch: usize, scale: v128): v128 {
  if (type == q4_0) return f32x4.mul(scale, f32x4.splat(-8));
  if (type == q5_0) return f32x4.mul(scale, f32x4.splat(-16));
  if (type == q4_1 || type == q5_1) return half(block + 2);
  return v128.load32_splat(scratch + 32 + (<usize>group << 2));
}
