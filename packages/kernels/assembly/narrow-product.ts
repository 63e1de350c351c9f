/**
 * Products of one or two rows with quantised weights, in registers: nothing is written but results. Sixteen codes of a
 * byte each are four 32-bit lanes, and byte j of all lanes becomes a vector by a mask: integers 2^8j times too large, for
 * which the prepared activations make up (prepared-states.ts). A scale multiplies the sum over its codes, and an offset
 * the sum of their activations.
 */
import { blockBytes, codes, isBlockOf256, isSigned, offsetOf, open, scaleOf, sixteensOfScale } from "./codes";
import { q4_0, q4_1, q4_K, q5_0, q5_1, q5_K, q6_K, q8_0 } from "./codes";
import { sumOf } from "./elementwise";
import { byteMask } from "./layout";
import { multiplyAdd } from "./multiply-add";

/** One output of one or two rows: a sum of each, put at `to`. For one row, x and y are the same. */
export function multiplyNarrow(type: i32, blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  switch (type) {
    case q4_0:
      return ofQ4_0(blocks, x, y, width, scratch, to);
    case q4_1:
      return ofQ4_1(blocks, x, y, width, scratch, to);
    case q5_0:
      return ofQ5_0(blocks, x, y, width, scratch, to);
    case q5_1:
      return ofQ5_1(blocks, x, y, width, scratch, to);
    case q8_0:
      return ofQ8_0(blocks, x, y, width, scratch, to);
    case q4_K:
      return ofQ4_K(blocks, x, y, width, scratch, to);
    case q5_K:
      return ofQ5_K(blocks, x, y, width, scratch, to);
    case q6_K:
      return ofQ6_K(blocks, x, y, width, scratch, to);
    default:
      unreachable();
  }
}

// A function for each type, so that the compiler keeps each one's registers apart.

function ofQ4_0(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiplyEither(q4_0, blocks, x, y, width, scratch, to);
}

function ofQ4_1(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiplyEither(q4_1, blocks, x, y, width, scratch, to);
}

function ofQ5_0(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiplyEither(q5_0, blocks, x, y, width, scratch, to);
}

function ofQ5_1(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiplyEither(q5_1, blocks, x, y, width, scratch, to);
}

function ofQ8_0(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiplyEither(q8_0, blocks, x, y, width, scratch, to);
}

function ofQ4_K(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiplyEither(q4_K, blocks, x, y, width, scratch, to);
}

function ofQ5_K(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiplyEither(q5_K, blocks, x, y, width, scratch, to);
}

function ofQ6_K(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiplyEither(q6_K, blocks, x, y, width, scratch, to);
}

@inline
function multiplyEither(type: i32, blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  if (x == y) multiply(type, false, blocks, x, y, width, scratch, to);
  else multiply(type, true, blocks, x, y, width, scratch, to);
}

/** Byte j of each lane as float32; of signed codes it comes 2^24 times too large, of others 2^8j times. */
@inline
function numbers(type: i32, codes: v128, j: i32, mask: v128): v128 {
  if (!isSigned(type)) return f32x4.convert_i32x4_s(v128.and(codes, mask));
  const shifted = j == 3 ? codes : i32x4.shl(codes, 24 - 8 * j);
  return f32x4.convert_i32x4_s(j == 0 ? shifted : v128.and(shifted, mask));
}

/** What takes byte j of a lane; loaded, since a constant would be made anew at each use. */
@inline
function maskOf(type: i32, j: i32): v128 {
  const byte = load<i32>(byteMask);
  if (isSigned(type)) return i32x4.splat(byte << 24);
  return i32x4.splat((byte >> (type == q4_0 || type == q4_1 || type == q4_K ? 4 : 0)) << (8 * j));
}

/** Sixteen products, as four sums, of which each chain is short. */
@inline
function dot(w0: v128, w1: v128, w2: v128, w3: v128, x: usize): v128 {
  const first = multiplyAdd(w1, v128.load(x, 16), f32x4.mul(w0, v128.load(x)));
  return multiplyAdd(w3, v128.load(x, 48), multiplyAdd(w2, v128.load(x, 32), first));
}

/** `type` and `isPair` are constants wherever this is inlined. */
@inline
function multiply(
  type: i32, isPair: bool, blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize,
): void {
  const mask0 = maskOf(type, 0);
  const mask1 = maskOf(type, 1);
  const mask2 = maskOf(type, 2);
  const mask3 = maskOf(type, 3);
  const bytes = blockBytes(type);
  const sixteens = isBlockOf256(type) ? 16 : 2;
  const shared = sixteensOfScale(type);
  const step: usize = (<usize>shared << 6) + (isSigned(type) ? 0 : 16);
  let xSums = f32x4.splat(0), ySums = xSums;
  for (let end = blocks + <usize>(width / (16 * sixteens)) * bytes; blocks < end; blocks += bytes) {
    open(type, blocks, scratch);
    for (let index = 0, group = 0; index < sixteens; index += shared, group++) {
      let c = codes(type, blocks, index);
      let w0 = numbers(type, c, 0, mask0);
      let w1 = numbers(type, c, 1, mask1);
      let w2 = numbers(type, c, 2, mask2);
      let w3 = numbers(type, c, 3, mask3);
      let ofX = dot(w0, w1, w2, w3, x);
      let ofY = isPair ? dot(w0, w1, w2, w3, y) : ofX;
      if (shared == 2) {
        c = codes(type, blocks, index + 1);
        w0 = numbers(type, c, 0, mask0);
        w1 = numbers(type, c, 1, mask1);
        w2 = numbers(type, c, 2, mask2);
        w3 = numbers(type, c, 3, mask3);
        ofX = f32x4.add(ofX, dot(w0, w1, w2, w3, x + 64));
        if (isPair) ofY = f32x4.add(ofY, dot(w0, w1, w2, w3, y + 64));
      }
      const scale = scaleOf(type, blocks, group, scratch);
      xSums = multiplyAdd(scale, ofX, xSums);
      if (isPair) ySums = multiplyAdd(scale, ofY, ySums);
      if (!isSigned(type)) {
        const offset = offsetOf(type, blocks, group, scratch, scale);
        xSums = multiplyAdd(offset, v128.load(x, 128), xSums);
        if (isPair) ySums = multiplyAdd(offset, v128.load(y, 128), ySums);
      }
      x += step;
      if (isPair) y += step;
    }
  }
  put(type, to, xSums);
  if (isPair) put(type, to + 4, ySums);
}

@inline
function put(type: i32, to: usize, sums: v128): void {
  const sum = sumOf(sums);
  store<f32>(to, isSigned(type) ? sum * <f32>5.9604644775390625e-8 : sum);
}
