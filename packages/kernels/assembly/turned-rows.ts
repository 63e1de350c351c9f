/**
 * Rows of quantised weights as float32 in the order of turned activations (prepared-states.ts): sixteen codes are four times
 * four, of which byte j of all lanes is one vector, by a mask and a conversion. Numbers are the file's, bit for bit: a
 * code times its scale is exact, here also where it comes 2^8j times too large, so that the offset's sum alone is rounded.
 */
import { blockBytes, codes, isBlockOf256, isSigned, offsetOf, open, scaleOf, sixteensOfScale } from "./codes";
import { q4_0, q4_1, q4_K, q5_0, q5_1, q5_K, q6_K, q8_0 } from "./codes";
import { maskOf, numbers } from "./code-numbers";
import { halfOfBits } from "./floats";
import { multiplyAdd } from "./multiply-add";

/** Bytes from four numbers of a row to the next four. */
const step: usize = 64;

/** @param to where the first four numbers go; others lie 64 bytes apart */
export function decodeTurned(type: i32, from: usize, to: usize, width: i32, scratch: usize): void {
  switch (type) {
    case q4_0:
      return turnQ4_0(from, to, width, scratch);
    case q4_1:
      return turnQ4_1(from, to, width, scratch);
    case q5_0:
      return turnQ5_0(from, to, width, scratch);
    case q5_1:
      return turnQ5_1(from, to, width, scratch);
    case q8_0:
      return turnQ8_0(from, to, width, scratch);
    case q4_K:
      return turnQ4_K(from, to, width, scratch);
    case q5_K:
      return turnQ5_K(from, to, width, scratch);
    case q6_K:
      return turnQ6_K(from, to, width, scratch);
    default:
      unreachable();
  }
}

function turnQ4_0(from: usize, to: usize, width: i32, scratch: usize): void {
  turn(q4_0, from, to, width, scratch);
}

function turnQ4_1(from: usize, to: usize, width: i32, scratch: usize): void {
  turn(q4_1, from, to, width, scratch);
}

function turnQ5_0(from: usize, to: usize, width: i32, scratch: usize): void {
  turn(q5_0, from, to, width, scratch);
}

function turnQ5_1(from: usize, to: usize, width: i32, scratch: usize): void {
  turn(q5_1, from, to, width, scratch);
}

function turnQ8_0(from: usize, to: usize, width: i32, scratch: usize): void {
  turn(q8_0, from, to, width, scratch);
}

function turnQ4_K(from: usize, to: usize, width: i32, scratch: usize): void {
  turn(q4_K, from, to, width, scratch);
}

function turnQ5_K(from: usize, to: usize, width: i32, scratch: usize): void {
  turn(q5_K, from, to, width, scratch);
}

function turnQ6_K(from: usize, to: usize, width: i32, scratch: usize): void {
  turn(q6_K, from, to, width, scratch);
}

/** `type` is a constant wherever this is inlined. */
@inline
function turn(type: i32, from: usize, to: usize, width: i32, scratch: usize): void {
  const mask0 = maskOf(type, 0);
  const mask1 = maskOf(type, 1);
  const mask2 = maskOf(type, 2);
  const mask3 = maskOf(type, 3);
  // 2^-24, 2^-8: loaded, since constants would be made anew in each turn.
  const shrink = halfOfBits(isSigned(type) ? 1 : 0x1c00);
  const sixteens = isBlockOf256(type) ? 16 : 2;
  const shared = sixteensOfScale(type);
  const end = from + <usize>(width / (16 * sixteens)) * blockBytes(type);
  do {
    open(type, from, scratch);
    let index = 0, group = 0;
    do {
      const scale = scaleOf(type, from, group, scratch);
      const offset = isSigned(type) ? scale : offsetOf(type, from, group, scratch, scale);
      const scale0 = isSigned(type) ? f32x4.mul(scale, shrink) : scale;
      const scale1 = isSigned(type) ? scale0 : f32x4.mul(scale0, shrink);
      const scale2 = isSigned(type) ? scale0 : f32x4.mul(scale1, shrink);
      const scale3 = isSigned(type) ? scale0 : f32x4.mul(scale2, shrink);
      let c = codes(type, from, index);
      v128.store(to, weights(type, numbers(type, c, 0, mask0), scale0, offset));
      v128.store(to, weights(type, numbers(type, c, 1, mask1), scale1, offset), step);
      v128.store(to, weights(type, numbers(type, c, 2, mask2), scale2, offset), 2 * step);
      v128.store(to, weights(type, numbers(type, c, 3, mask3), scale3, offset), 3 * step);
      if (shared == 2) {
        c = codes(type, from, index + 1);
        v128.store(to, weights(type, numbers(type, c, 0, mask0), scale0, offset), 4 * step);
        v128.store(to, weights(type, numbers(type, c, 1, mask1), scale1, offset), 5 * step);
        v128.store(to, weights(type, numbers(type, c, 2, mask2), scale2, offset), 6 * step);
        v128.store(to, weights(type, numbers(type, c, 3, mask3), scale3, offset), 7 * step);
      }
      to += <usize>(4 * shared) * step;
      index += shared;
      group++;
    } while (isBlockOf256(type) && index < sixteens);
    from += blockBytes(type);
  } while (from < end);
}

@inline
function weights(type: i32, numbers: v128, scale: v128, offset: v128): v128 {
  return isSigned(type) ? f32x4.mul(numbers, scale) : multiplyAdd(numbers, scale, offset);
}
