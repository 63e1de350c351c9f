/**
 * Products of one or two rows with quantised weights, in registers: nothing is written but results. Sixteen codes of a
 * byte each are four 32-bit lanes, and byte j of all lanes becomes a vector by a mask: integers 2^8j times too large, for
 * which the prepared activations make up (prepared-states.ts). A scale multiplies the sum over its codes, and an offset
 * the sum of their activations.
 */
import { blockBytes, codes, isBlockOf256, isSigned, offsetOf, open, scaleOf, sixteensOfScale } from "./codes";
import { q4_0, q4_1, q4_K, q5_0, q5_1, q5_K, q6_K, q8_0 } from "./codes";
import { maskOf, numbers } from "./code-numbers";
import { sumOf } from "./elementwise";
import { multiplyAdd } from "./multiply-add";

/** Where in scratch a store goes that keeps loads in order. */
const barrier: usize = 80;

/** One output of one or two rows: a sum of each, put at `to`. For one row, x and y are the same. */
export function multiplyNarrow(type: i32, blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  if (x == y) multiplyOne(type, blocks, x, width, scratch, to);
  else multiplyPair(type, blocks, x, y, width, scratch, to);
}

function multiplyOne(type: i32, blocks: usize, x: usize, width: i32, scratch: usize, to: usize): void {
  switch (type) {
    case q4_0:
      return oneOfQ4_0(blocks, x, width, scratch, to);
    case q4_1:
      return oneOfQ4_1(blocks, x, width, scratch, to);
    case q5_0:
      return oneOfQ5_0(blocks, x, width, scratch, to);
    case q5_1:
      return oneOfQ5_1(blocks, x, width, scratch, to);
    case q8_0:
      return oneOfQ8_0(blocks, x, width, scratch, to);
    case q4_K:
      return oneOfQ4_K(blocks, x, width, scratch, to);
    case q5_K:
      return oneOfQ5_K(blocks, x, width, scratch, to);
    case q6_K:
      return oneOfQ6_K(blocks, x, width, scratch, to);
    default:
      unreachable();
  }
}

function multiplyPair(type: i32, blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  switch (type) {
    case q4_0:
      return pairOfQ4_0(blocks, x, y, width, scratch, to);
    case q4_1:
      return pairOfQ4_1(blocks, x, y, width, scratch, to);
    case q5_0:
      return pairOfQ5_0(blocks, x, y, width, scratch, to);
    case q5_1:
      return pairOfQ5_1(blocks, x, y, width, scratch, to);
    case q8_0:
      return pairOfQ8_0(blocks, x, y, width, scratch, to);
    case q4_K:
      return pairOfQ4_K(blocks, x, y, width, scratch, to);
    case q5_K:
      return pairOfQ5_K(blocks, x, y, width, scratch, to);
    case q6_K:
      return pairOfQ6_K(blocks, x, y, width, scratch, to);
    default:
      unreachable();
  }
}

// A function for each type and number of rows, so that the compiler keeps each one's registers apart.

function oneOfQ4_0(blocks: usize, x: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q4_0, false, blocks, x, x, width, scratch, to);
}

function oneOfQ4_1(blocks: usize, x: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q4_1, false, blocks, x, x, width, scratch, to);
}

function oneOfQ5_0(blocks: usize, x: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q5_0, false, blocks, x, x, width, scratch, to);
}

function oneOfQ5_1(blocks: usize, x: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q5_1, false, blocks, x, x, width, scratch, to);
}

function oneOfQ8_0(blocks: usize, x: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q8_0, false, blocks, x, x, width, scratch, to);
}

function oneOfQ4_K(blocks: usize, x: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q4_K, false, blocks, x, x, width, scratch, to);
}

function oneOfQ5_K(blocks: usize, x: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q5_K, false, blocks, x, x, width, scratch, to);
}

function oneOfQ6_K(blocks: usize, x: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q6_K, false, blocks, x, x, width, scratch, to);
}

function pairOfQ4_0(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q4_0, true, blocks, x, y, width, scratch, to);
}

function pairOfQ4_1(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q4_1, true, blocks, x, y, width, scratch, to);
}

function pairOfQ5_0(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q5_0, true, blocks, x, y, width, scratch, to);
}

function pairOfQ5_1(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q5_1, true, blocks, x, y, width, scratch, to);
}

function pairOfQ8_0(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q8_0, true, blocks, x, y, width, scratch, to);
}

function pairOfQ4_K(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q4_K, true, blocks, x, y, width, scratch, to);
}

function pairOfQ5_K(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q5_K, true, blocks, x, y, width, scratch, to);
}

function pairOfQ6_K(blocks: usize, x: usize, y: usize, width: i32, scratch: usize, to: usize): void {
  multiply(q6_K, true, blocks, x, y, width, scratch, to);
}

/**
 * Sixteen products, as four sums, in an order that keeps few numbers in registers. The store is read by nobody: what is loaded
 * after it cannot be loaded before, for which there are no registers, and compilers would.
 */
@inline
function dot(w0: v128, w1: v128, w2: v128, w3: v128, x: usize, scratch: usize): v128 {
  let sums = f32x4.mul(w0, v128.load(x));
  sums = multiplyAdd(w1, v128.load(x, 16), sums);
  sums = multiplyAdd(w2, v128.load(x, 32), sums);
  sums = multiplyAdd(w3, v128.load(x, 48), sums);
  v128.store(scratch, sums, barrier);
  return sums;
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
  const end = blocks + <usize>(width / (16 * sixteens)) * bytes;
  // Tested at their ends: only of such loops do older compilers take constants out.
  do {
    open(type, blocks, scratch);
    let index = 0, group = 0;
    do {
      let c = codes(type, blocks, index);
      let w0 = numbers(type, c, 0, mask0);
      let w1 = numbers(type, c, 1, mask1);
      let w2 = numbers(type, c, 2, mask2);
      let w3 = numbers(type, c, 3, mask3);
      let ofX = dot(w0, w1, w2, w3, x, scratch);
      let ofY = isPair ? dot(w0, w1, w2, w3, y, scratch) : ofX;
      if (shared == 2) {
        c = codes(type, blocks, index + 1);
        w0 = numbers(type, c, 0, mask0);
        w1 = numbers(type, c, 1, mask1);
        w2 = numbers(type, c, 2, mask2);
        w3 = numbers(type, c, 3, mask3);
        ofX = f32x4.add(ofX, dot(w0, w1, w2, w3, x + 64, scratch));
        if (isPair) ofY = f32x4.add(ofY, dot(w0, w1, w2, w3, y + 64, scratch));
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
      index += shared;
      group++;
    } while (isBlockOf256(type) && index < sixteens);
    blocks += bytes;
  } while (blocks < end);
  put(type, to, xSums);
  if (isPair) put(type, to + 4, ySums);
}

@inline
function put(type: i32, to: usize, sums: v128): void {
  const sum = sumOf(sums);
  store<f32>(to, isSigned(type) ? sum * <f32>5.9604644775390625e-8 : sum);
}
