/**
 * Activations times weights that lie as their file stores them. One or two rows are multiplied in registers
 * (narrow-product.ts). For more, four outputs at a time are decoded to float32 in a thread's scratch (turned-rows.ts), which
 * stays in the processor's nearest cache, and multiplied with every row of activations from there: decoding is paid once
 * however many rows there are.
 */
import { isSigned } from "./codes";
import { decodeBF16, decodeF16, decodeF32 } from "./floats";
import { details } from "./layout";
import { multiplyAdd } from "./multiply-add";
import { multiplyNarrow } from "./narrow-product";
import { scaledBytes, turnedBytes } from "./prepared-states";
import { sumLanes } from "./sum-lanes";
import { decodeTurned } from "./turned-rows";

// Numbers of the job, from `details` on.
const states: usize = details; // address of the rows of activations, each padded with zeros
const stateBytes: usize = details + 4; // from one to the next
const stateCount: usize = details + 8;
const inputs: usize = details + 12;
const padded: usize = details + 16; // the same, as a multiple of 8
const chunkOutputs: usize = details + 20; // a multiple of 4
const partCount: usize = details + 24;
const turnedStates: usize = details + 28; // the same, as products with codes want them (prepared-states.ts), or 0
const scaledStates: usize = details + 32;
const parts: usize = details + 64;

/** What narrow products, and rows that are turned, take of a thread's scratch. */
const narrowScratch: usize = 192;

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
  const type = load<i32>(part, partType);
  const hasCodes = type > 1 && type != 30;
  const isNarrow = load<i32>(stateCount) <= 2;
  const prepared = <usize>load<u32>(isNarrow && !isSigned(type) ? scaledStates : turnedStates);
  if (hasCodes && isNarrow) return multiplyPartNarrow(part, first, end, prepared, scratch);
  const turned = hasCodes ? prepared : 0;
  for (let output = first; output < end; output += 4) multiplyFour(part, output, min(4, end - output), turned, scratch);
}

/** One output at a time. */
function multiplyPartNarrow(part: usize, first: i32, end: i32, x: usize, scratch: usize): void {
  const type = load<i32>(part, partType);
  const width = load<i32>(inputs);
  const isPair = load<i32>(stateCount) == 2;
  const rowStep = <usize>(width >> 5) * (isSigned(type) ? turnedBytes : scaledBytes);
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

/**
 * Up to four outputs. In scratch four numbers of the first are followed by four of the second, third and fourth, so that one
 * address reaches all. Where there are fewer, the last of them is computed several times and stored once.
 */
function multiplyFour(part: usize, output: i32, count: i32, turned: usize, scratch: usize): void {
  const width = load<i32>(inputs);
  const rowBytes = <usize>load<u32>(part, partRowBytes);
  const first = <usize>load<u32>(part, partBlocks) + <usize>output * rowBytes;
  const type = load<i32>(part, partType);
  const tile = scratch + narrowScratch;
  for (let row = 0; row < 4; row++) {
    const from = first + <usize>min(row, count - 1) * rowBytes;
    const to = tile + (<usize>row << 4);
    if (turned != 0) decodeTurned(type, from, to, width, scratch);
    else decodeApart(type, from, to, width);
  }
  multiplyRows(part, output, count, turned != 0 ? turned : <usize>load<u32>(states), tile);
}

/** Numbers that stand by themselves, and zeros up to a multiple of 8. */
function decodeApart(type: i32, from: usize, to: usize, width: i32): void {
  if (type == 0) decodeF32(from, to, width, 64);
  else if (type == 1) decodeF16(from, to, width, 64);
  else decodeBF16(from, to, width, 64);
  for (let i = width; i < load<i32>(padded); i++) store<f32>(to + (<usize>(i >> 2) << 6) + (<usize>(i & 3) << 2), 0);
}

function multiplyRows(part: usize, output: i32, count: i32, x: usize, tile: usize): void {
  const end = tile + (<usize>load<i32>(padded) << 4);
  const step = <usize>load<u32>(stateBytes);
  const resultStep = <usize>load<u32>(part, partResultBytes);
  const adds = load<i32>(part, partAdds) != 0;
  const rows = load<i32>(stateCount);
  let result = <usize>load<u32>(part, partResult) + (<usize>output << 2);
  let row = 0;
  for (; row + 2 <= rows; row += 2) {
    multiplyTwo(x, x + step, tile, end, result, result + resultStep, count, adds);
    x += step << 1;
    result += resultStep << 1;
  }
  if (row < rows) multiplyOne(x, tile, end, result, count, adds);
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

/** Addresses are added up and not offsets: of offsets Node 20's compiler loads all first, for which there are no registers. */
function multiplyTwo(
  x: usize, y: usize, tile: usize, end: usize, xResult: usize, yResult: usize, count: i32, adds: bool,
): void {
  let x0 = f32x4.splat(0), x1 = x0, x2 = x0, x3 = x0;
  let y0 = x0, y1 = x0, y2 = x0, y3 = x0;
  for (; tile < end; tile += 64) {
    const xs = v128.load(x);
    const ys = v128.load(y);
    let w = v128.load(tile);
    x0 = multiplyAdd(xs, w, x0);
    y0 = multiplyAdd(ys, w, y0);
    w = v128.load(tile + 16);
    x1 = multiplyAdd(xs, w, x1);
    y1 = multiplyAdd(ys, w, y1);
    w = v128.load(tile + 32);
    x2 = multiplyAdd(xs, w, x2);
    y2 = multiplyAdd(ys, w, y2);
    w = v128.load(tile + 48);
    x3 = multiplyAdd(xs, w, x3);
    y3 = multiplyAdd(ys, w, y3);
    x += 16;
    y += 16;
  }
  put(xResult, sumLanes(x0, x1, x2, x3), count, adds);
  put(yResult, sumLanes(y0, y1, y2, y3), count, adds);
}

/** Two vectors a turn, so that additions need not wait for one another. */
function multiplyOne(x: usize, tile: usize, end: usize, result: usize, count: i32, adds: bool): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  let b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  for (; tile < end; tile += 128) {
    const first = v128.load(x);
    const second = v128.load(x + 16);
    a0 = multiplyAdd(first, v128.load(tile), a0);
    b0 = multiplyAdd(second, v128.load(tile + 64), b0);
    a1 = multiplyAdd(first, v128.load(tile + 16), a1);
    b1 = multiplyAdd(second, v128.load(tile + 80), b1);
    a2 = multiplyAdd(first, v128.load(tile + 32), a2);
    b2 = multiplyAdd(second, v128.load(tile + 96), b2);
    a3 = multiplyAdd(first, v128.load(tile + 48), a3);
    b3 = multiplyAdd(second, v128.load(tile + 112), b3);
    x += 32;
  }
  const sums = sumLanes(f32x4.add(a0, b0), f32x4.add(a1, b1), f32x4.add(a2, b2), f32x4.add(a3, b3));
  put(result, sums, count, adds);
}
