/**
 * Activations times weights that lie as their file stores them. One or two rows are multiplied in registers
 * (narrow-product.ts). For more, four outputs at a time are decoded to float32 in a thread's scratch, which stays in the
 * processor's nearest cache, and multiplied with every row of activations from there: decoding is paid once however
 * many rows there are.
 */
import { isSigned } from "./codes";
import { decode } from "./decode";
import { details } from "./layout";
import { multiplyAdd } from "./multiply-add";
import { multiplyNarrow } from "./narrow-product";
import { sumLanes } from "./sum-lanes";
import { signedBytes, unsignedBytes } from "./prepared-states";

// Numbers of the job, from `details` on.
const states: usize = details; // address of the rows of activations, each padded with zeros
const stateBytes: usize = details + 4; // from one to the next
const stateCount: usize = details + 8;
const inputs: usize = details + 12;
const padded: usize = details + 16; // the same, as a multiple of 8
const chunkOutputs: usize = details + 20; // a multiple of 4
const partCount: usize = details + 24;
const signedStates: usize = details + 28; // the same, prepared for narrow products, or 0
const unsignedStates: usize = details + 32;
const parts: usize = details + 64;

// Numbers of a part, the weights that stand side by side.
const partBytes: usize = 32;
const partType: usize = 0;
const partBlocks: usize = 4;
const partRowBytes: usize = 8;
const partOutputs: usize = 12;
const partResult: usize = 16; // where the products of the first row go
const partResultBytes: usize = 20; // from one row to the next
const partAdds: usize = 24; // not 0 where they are added to what is there

/** The outputs of all parts together, cut into chunks. */
export function productChunk(chunk: i32, scratch: usize): void {
  const size = load<i32>(chunkOutputs);
  let first = chunk * size;
  let left = size;
  const count = load<i32>(partCount);
  for (let p = 0; p < count && left > 0; p++) {
    const part = parts + <usize>p * partBytes;
    const outputs = load<i32>(part, partOutputs);
    if (first < outputs) {
      const own = min(left, outputs - first);
      multiplyPart(part, first, first + own, scratch);
      left -= own;
      first += own;
    }
    first -= outputs;
  }
}

function multiplyPart(part: usize, first: i32, end: i32, scratch: usize): void {
  const prepared = <usize>load<u32>(isSigned(load<i32>(part, partType)) ? signedStates : unsignedStates);
  const bytes = load<i32>(part, partType) > 1 && load<i32>(part, partType) != 30 ? prepared : 0;
  if (bytes != 0) return multiplyPartNarrow(part, first, end, bytes, scratch);
  for (let output = first; output < end; output += 4) multiplyFour(part, output, min(4, end - output), scratch);
}

/** One output at a time. */
function multiplyPartNarrow(part: usize, first: i32, end: i32, x: usize, scratch: usize): void {
  const type = load<i32>(part, partType);
  const width = load<i32>(inputs);
  const isPair = load<i32>(stateCount) == 2;
  const rowStep = <usize>(width >> 5) * (isSigned(type) ? signedBytes : unsignedBytes);
  const y = isPair ? x + rowStep : x;
  const rowBytes = <usize>load<u32>(part, partRowBytes);
  const resultBytes = <usize>load<u32>(part, partResultBytes);
  const adds = load<i32>(part, partAdds) != 0;
  const sums = scratch + 64;
  let from = <usize>load<u32>(part, partBlocks) + <usize>first * rowBytes;
  let result = <usize>load<u32>(part, partResult) + (<usize>first << 2);
  for (let output = first; output < end; output++, from += rowBytes, result += 4) {
    multiplyNarrow(type, from, x, y, width, scratch, sums);
    putOne(result, load<f32>(sums), adds);
    if (isPair) putOne(result + resultBytes, load<f32>(sums, 4), adds);
  }
}

/** Up to four outputs; where there are fewer, the last of them is computed several times and stored once. */
function multiplyFour(part: usize, output: i32, count: i32, scratch: usize): void {
  const width = load<i32>(inputs);
  const rowBytes = <usize>load<u32>(part, partRowBytes);
  const scratchRow = <usize>load<i32>(padded) << 2;
  let from = <usize>load<u32>(part, partBlocks) + <usize>output * rowBytes;
  const type = load<i32>(part, partType);
  for (let row = 0; row < count; row++, from += rowBytes) {
    const to = scratch + <usize>row * scratchRow;
    decode(type, from, to, width);
    for (let at = <usize>width << 2; at < scratchRow; at += 4) store<f32>(to + at, 0);
  }
  multiplyRows(part, output, count, scratch, scratchRow);
}

function multiplyRows(part: usize, output: i32, count: i32, w0: usize, scratchRow: usize): void {
  const w1 = count > 1 ? w0 + scratchRow : w0;
  const w2 = count > 2 ? w1 + scratchRow : w1;
  const w3 = count > 3 ? w2 + scratchRow : w2;
  const step = <usize>load<u32>(stateBytes);
  const resultStep = <usize>load<u32>(part, partResultBytes);
  const adds = load<i32>(part, partAdds) != 0;
  const rows = load<i32>(stateCount);
  let x = <usize>load<u32>(states);
  let result = <usize>load<u32>(part, partResult) + (<usize>output << 2);
  let row = 0;
  for (; row + 2 <= rows; row += 2) {
    if (ASC_FEATURE_RELAXED_SIMD) {
      multiplyTwoFused(x, x + step, w0, w1, w2, w3, scratchRow, result, result + resultStep, count, adds);
    } else multiplyTwo(x, x + step, w0, w1, w2, w3, scratchRow, result, result + resultStep, count, adds);
    x += step << 1;
    result += resultStep << 1;
  }
  if (row < rows) multiplyOne(x, w0, w1, w2, w3, scratchRow, result, count, adds);
}

@inline
function put(result: usize, sums: v128, count: i32, adds: bool): void {
  if (count == 4) {
    v128.store(result, adds ? f32x4.add(v128.load(result), sums) : sums);
    return;
  }
  putOne(result, f32x4.extract_lane(sums, 0), adds);
  if (count > 1) putOne(result + 4, f32x4.extract_lane(sums, 1), adds);
  if (count > 2) putOne(result + 8, f32x4.extract_lane(sums, 2), adds);
}

@inline
function putOne(result: usize, sum: f32, adds: bool): void {
  store<f32>(result, adds ? load<f32>(result) + sum : sum);
}

function multiplyTwo(
  x: usize, y: usize, w0: usize, w1: usize, w2: usize, w3: usize, bytes: usize, xResult: usize, yResult: usize,
  count: i32, adds: bool,
): void {
  let x0 = f32x4.splat(0), x1 = x0, x2 = x0, x3 = x0;
  let y0 = x0, y1 = x0, y2 = x0, y3 = x0;
  for (let at: usize = 0; at < bytes; at += 16) {
    const xs = v128.load(x + at);
    const ys = v128.load(y + at);
    let w = v128.load(w0 + at);
    x0 = multiplyAdd(xs, w, x0);
    y0 = multiplyAdd(ys, w, y0);
    w = v128.load(w1 + at);
    x1 = multiplyAdd(xs, w, x1);
    y1 = multiplyAdd(ys, w, y1);
    w = v128.load(w2 + at);
    x2 = multiplyAdd(xs, w, x2);
    y2 = multiplyAdd(ys, w, y2);
    w = v128.load(w3 + at);
    x3 = multiplyAdd(xs, w, x3);
    y3 = multiplyAdd(ys, w, y3);
  }
  put(xResult, sumLanes(x0, x1, x2, x3), count, adds);
  put(yResult, sumLanes(y0, y1, y2, y3), count, adds);
}

/**
 * The same where a product and a sum are one instruction: two vectors a turn, the second at places that are known when this is
 * compiled. Two instructions leave no registers for that.
 */
function multiplyTwoFused(
  x: usize, y: usize, w0: usize, w1: usize, w2: usize, w3: usize, bytes: usize, xResult: usize, yResult: usize,
  count: i32, adds: bool,
): void {
  let x0 = f32x4.splat(0), x1 = x0, x2 = x0, x3 = x0;
  let y0 = x0, y1 = x0, y2 = x0, y3 = x0;
  for (const end = x + bytes; x < end; ) {
    const xs = v128.load(x);
    const ys = v128.load(y);
    let w = v128.load(w0);
    x0 = multiplyAdd(xs, w, x0);
    y0 = multiplyAdd(ys, w, y0);
    w = v128.load(w1);
    x1 = multiplyAdd(xs, w, x1);
    y1 = multiplyAdd(ys, w, y1);
    w = v128.load(w2);
    x2 = multiplyAdd(xs, w, x2);
    y2 = multiplyAdd(ys, w, y2);
    w = v128.load(w3);
    x3 = multiplyAdd(xs, w, x3);
    y3 = multiplyAdd(ys, w, y3);
    const xs2 = v128.load(x, 16);
    const ys2 = v128.load(y, 16);
    w = v128.load(w0, 16);
    x0 = multiplyAdd(xs2, w, x0);
    y0 = multiplyAdd(ys2, w, y0);
    w = v128.load(w1, 16);
    x1 = multiplyAdd(xs2, w, x1);
    y1 = multiplyAdd(ys2, w, y1);
    w = v128.load(w2, 16);
    x2 = multiplyAdd(xs2, w, x2);
    y2 = multiplyAdd(ys2, w, y2);
    w = v128.load(w3, 16);
    x3 = multiplyAdd(xs2, w, x3);
    y3 = multiplyAdd(ys2, w, y3);
    x += 32;
    y += 32;
    w0 += 32;
    w1 += 32;
    w2 += 32;
    w3 += 32;
  }
  put(xResult, sumLanes(x0, x1, x2, x3), count, adds);
  put(yResult, sumLanes(y0, y1, y2, y3), count, adds);
}

/** Two vectors a turn, so that additions need not wait for one another. */
function multiplyOne(
  x: usize, w0: usize, w1: usize, w2: usize, w3: usize, bytes: usize, result: usize, count: i32, adds: bool,
): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  let b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  for (let at: usize = 0; at < bytes; at += 32) {
    const first = v128.load(x + at);
    const second = v128.load(x + at, 16);
    a0 = multiplyAdd(first, v128.load(w0 + at), a0);
    b0 = multiplyAdd(second, v128.load(w0 + at, 16), b0);
    a1 = multiplyAdd(first, v128.load(w1 + at), a1);
    b1 = multiplyAdd(second, v128.load(w1 + at, 16), b1);
    a2 = multiplyAdd(first, v128.load(w2 + at), a2);
    b2 = multiplyAdd(second, v128.load(w2 + at, 16), b2);
    a3 = multiplyAdd(first, v128.load(w3 + at), a3);
    b3 = multiplyAdd(second, v128.load(w3 + at, 16), b3);
  }
  const sums = sumLanes(f32x4.add(a0, b0), f32x4.add(a1, b1), f32x4.add(a2, b2), f32x4.add(a3, b3));
  put(result, sums, count, adds);
}
