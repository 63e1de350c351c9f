/** Weights of random bytes, their products by float64, and bytes with faults: what kernels of every backend are held to. */
import { ggufTensorTypes, type TensorType } from "@amulet-ts/files";
import { drawBlocks } from "@amulet-ts/testing/files/stored-tensors";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect } from "vitest";
import { storedTypes } from "../src/stored-types.js";

export interface Drawn {
  readonly type: TensorType;
  readonly outputs: number;
  readonly inputs: number;
  readonly bytes: Uint8Array;
}

/** Where the floats of a block are, each by its most significant byte. */
const floatsOf: Readonly<Record<string, readonly number[]>> = {
  F32: [3],
  F16: [1],
  BF16: [1],
  Q8_0: [1],
  Q4_0: [1],
  Q4_1: [1, 3],
  Q5_0: [1],
  Q5_1: [1, 3],
  Q4_K: [1, 3],
  Q5_K: [1, 3],
  Q6_K: [209],
};

export function typeNamed(name: string): TensorType {
  return [...ggufTensorTypes.values()].find((type) => type.name === name)!;
}

/** Random bytes whose floats are of one size, of either sign: no block hides what happens in another. */
export function draw(name: string, outputs: number, width: number, seed: number): Drawn {
  const type = typeNamed(name);
  const bytes = drawBlocks(type, outputs * width, seed);
  for (let block = 0; block < outputs * width; block++)
    for (const place of floatsOf[name]!) {
      const at = block * type.bytesPerBlock + place;
      bytes[at] = (bytes[at]! & 0x80) | 0x2d;
    }
  return { type, outputs, inputs: width * type.blockSize, bytes };
}

export function numbersOf({ type, outputs, inputs, bytes }: Drawn): Float32Array {
  const numbers = new Float32Array(outputs * inputs);
  type.decode(bytes, numbers);
  return numbers;
}

const statesOf = (rows: number, inputs: number) =>
  Float32Array.from({ length: rows * inputs }, (_, i) => Math.sin(1 + i * 1.7) + 0.25 * Math.cos(i * i));

/** Where the codes of a block begin, of types whose weights are scale · code + offset. */
const codesFrom: Readonly<Record<string, number>> = {
  Q4_0: 2,
  Q4_1: 4,
  Q5_0: 2,
  Q5_1: 4,
  Q4_K: 16,
  Q5_K: 16,
};

/** Of each weight its offset: what is left where all codes are zero. */
function offsetsOf(drawn: Drawn): Float32Array {
  const from = codesFrom[drawn.type.name];
  if (from === undefined) return new Float32Array(drawn.outputs * drawn.inputs);
  const bytes = Uint8Array.from(drawn.bytes);
  const { bytesPerBlock } = drawn.type;
  for (let at = 0; at < bytes.length; at += bytesPerBlock) bytes.fill(0, at + from, at + bytesPerBlock);
  return numbersOf({ ...drawn, bytes });
}

/** What f16 may do to a product: six roundings of 2⁻¹¹ of Σ|x·w|, and what is below 2⁻¹⁴ where the largest are from 32 on. */
export const halfError = (length: number, magnitude: number, largest: number): number =>
  6.02 * 2 ** -11 * magnitude + length * 2 ** -16 * largest;

const largestOf = (values: Float32Array) =>
  values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);

/**
 * The largest error of a product, in units of the classic bound on a sum of n rounded products in any order. A kernel that
 * sums codes and offsets apart has such a sum too, of |scale · code| and |offset|; one in f16 rounds before it sums.
 */
export async function worstError(
  drawn: Drawn,
  rows: number,
  multiply: (x_NI: tf.Tensor2D) => tf.Tensor2D,
  { sumsOffsetsApart = false, inHalves = false, states = statesOf(rows, drawn.inputs) } = {},
) {
  const { outputs, inputs } = drawn;
  const weights = numbersOf(drawn);
  const offsets = sumsOffsetsApart ? offsetsOf(drawn) : new Float32Array(weights.length);
  const product = tf.tidy(() => multiply(tf.tensor2d(states, [rows, inputs])));
  expect(product.shape).toEqual([rows, outputs]);
  const values = await product.data();
  product.dispose();
  let worst = 0;
  for (let n = 0; n < rows; n++)
    for (let o = 0; o < outputs; o++) {
      let [exact, magnitude] = [0, 0];
      for (let i = 0; i < inputs; i++) {
        const [state, weight] = [states[n * inputs + i]!, weights[o * inputs + i]!];
        const offset = offsets[o * inputs + i]!;
        exact += state * weight;
        magnitude += Math.abs(state) * (Math.abs(weight - offset) + Math.abs(offset));
      }
      const error = Math.abs(values[n * outputs + o]! - exact);
      const largest =
        largestOf(states.subarray(n * inputs, (n + 1) * inputs)) *
        largestOf(weights.subarray(o * inputs, (o + 1) * inputs));
      const rounded = inHalves ? halfError(inputs, magnitude, largest) : 0;
      const allowed = inputs * 2 ** -24 * magnitude + rounded + 2 ** -149;
      worst = Math.max(worst, Number.isNaN(error) ? Infinity : error / allowed);
    }
  return worst;
}

export const names = [...storedTypes.keys()];
export const cases = fc.record({
  name: fc.constantFrom(...names),
  outputs: fc.integer({ min: 1, max: 23 }),
  width: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 1, max: 9 }),
  seed: fc.nat(),
});
/** Widths of types that store each number by itself may be odd. */
export const widthOf = (name: string, width: number, seed: number) =>
  typeNamed(name).blockSize === 1 ? width * 13 + (seed % 11) : width;

/** Bytes altered so that the right kernel sees what one with a fault would make of the true ones. */
export const faults: readonly (readonly [string, string, (bytes: Uint8Array) => void])[] = [
  ["the scale of the neighbouring block", "Q8_0", (bytes) => bytes.copyWithin(0, 34, 36)],
  ["nibbles swapped", "Q4_0", (bytes) => change(bytes, 2, (byte) => (byte >> 4) | (byte << 4))],
  ["a minimum forgotten", "Q4_1", (bytes) => bytes.fill(0, 2, 4)],
  ["a fifth bit of another weight", "Q5_0", (bytes) => change(bytes, 2, (byte) => byte ^ 1)],
  ["a group's scale off by one", "Q4_K", (bytes) => change(bytes, 4, (byte) => byte ^ 1)],
  ["a group's minimum forgotten", "Q5_K", (bytes) => change(bytes, 8, (byte) => byte & 192)],
  ["high bits of another quarter", "Q6_K", (bytes) => change(bytes, 128, (byte) => byte ^ 3)],
];

function change(bytes: Uint8Array, at: number, make: (byte: number) => number): void {
  bytes[at] = make(bytes[at]!);
}
