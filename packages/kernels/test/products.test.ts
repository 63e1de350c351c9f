/** Every kernel against float64 on the file's own numbers; rows against the decoders of `files`, bit for bit. */
import { ggufTensorTypes, type TensorType } from "@amulet-ts/files";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { drawBlocks } from "@amulet-ts/testing/files/stored-tensors";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { Pool } from "../src/pool/pool.js";
import { storedTypes } from "../src/stored-types.js";
import { KernelWeight } from "../src/weights/kernel-weight.js";

withoutLeaks("wasm");

const pool = new Pool(3);
/** Holds the pool open between weights. */
const anchor = pool.heap.allocate(1);
afterAll(() => pool.release(anchor));

interface Drawn {
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

function typeNamed(name: string): TensorType {
  return [...ggufTensorTypes.values()].find((type) => type.name === name)!;
}

/** Random bytes whose floats are of one size, of either sign: no block hides what happens in another. */
function draw(name: string, outputs: number, width: number, seed: number): Drawn {
  const type = typeNamed(name);
  const bytes = drawBlocks(type, outputs * width, seed);
  for (let block = 0; block < outputs * width; block++)
    for (const place of floatsOf[name]!) {
      const at = block * type.bytesPerBlock + place;
      bytes[at] = (bytes[at]! & 0x80) | 0x2d;
    }
  return { type, outputs, inputs: width * type.blockSize, bytes };
}

function numbersOf({ type, outputs, inputs, bytes }: Drawn): Float32Array {
  const numbers = new Float32Array(outputs * inputs);
  type.decode(bytes, numbers);
  return numbers;
}

function hold({ type, outputs, inputs }: Drawn, bytes: Uint8Array): KernelWeight {
  const weight = new KernelWeight(pool, storedTypes.get(type.name)!, outputs, inputs);
  weight.write(0, bytes);
  return weight;
}

const statesOf = (rows: number, inputs: number) =>
  Float32Array.from({ length: rows * inputs }, (_, i) => Math.sin(1 + i * 1.7) + 0.25 * Math.cos(i * i));

/** The largest error of a product, in units of the classic bound on a sum of n rounded products in any order. */
async function worstError(drawn: Drawn, rows: number, multiply: (x_NI: tf.Tensor2D) => tf.Tensor2D) {
  const { outputs, inputs } = drawn;
  const [weights, states] = [numbersOf(drawn), statesOf(rows, inputs)];
  const product = tf.tidy(() => multiply(tf.tensor2d(states, [rows, inputs])));
  expect(product.shape).toEqual([rows, outputs]);
  const values = await product.data();
  product.dispose();
  let worst = 0;
  for (let n = 0; n < rows; n++)
    for (let o = 0; o < outputs; o++) {
      let [exact, magnitude] = [0, 0];
      for (let i = 0; i < inputs; i++) {
        const term = states[n * inputs + i]! * weights[o * inputs + i]!;
        exact += term;
        magnitude += Math.abs(term);
      }
      const error = Math.abs(values[n * outputs + o]! - exact);
      worst = Math.max(
        worst,
        Number.isNaN(error) ? Infinity : error / (inputs * 2 ** -24 * magnitude + 2 ** -149),
      );
    }
  return worst;
}

const names = [...storedTypes.keys()];
const cases = fc.record({
  name: fc.constantFrom(...names),
  outputs: fc.integer({ min: 1, max: 23 }),
  width: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 1, max: 9 }),
  seed: fc.nat(),
});
/** Widths of types that store each number by itself may be odd. */
const widthOf = (name: string, width: number, seed: number) =>
  typeNamed(name).blockSize === 1 ? width * 13 + (seed % 11) : width;

describe("a weight in the memory of the kernels", () => {
  test("gives its rows bit for bit as files decode them", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ name, outputs, width, seed }) => {
        const type = typeNamed(name);
        const blocks = widthOf(name, width, seed);
        // Random bytes, of every size: nothing is summed here.
        const drawn = {
          type,
          outputs,
          inputs: blocks * type.blockSize,
          bytes: drawBlocks(type, outputs * blocks, seed),
        };
        const weight = hold(drawn, drawn.bytes);
        const found = tf.tidy(() =>
          weight.lookUp(Int32Array.from({ length: outputs }, (_, o) => outputs - 1 - o)),
        );
        const values = (await found.data()) as Float32Array;
        found.dispose();
        weight.dispose();
        const expected = numbersOf(drawn);
        for (let o = 0; o < outputs; o++) {
          const [came, wanted] = [
            [values, outputs - 1 - o],
            [expected, o],
          ].map(
            ([numbers, row]) =>
              new Uint8Array(
                (numbers as Float32Array).slice(
                  (row as number) * drawn.inputs,
                  ((row as number) + 1) * drawn.inputs,
                ).buffer,
              ),
          );
          expect(Buffer.compare(came!, wanted!), `${name}, row ${o}`).toBe(0);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("multiplies 1 to 9 rows as float64 does with the same numbers", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ name, outputs, width, rows, seed }) => {
        const drawn = draw(name, outputs, widthOf(name, width, seed), seed);
        const weight = hold(drawn, drawn.bytes);
        expect(await worstError(drawn, rows, (x) => weight.multiply(x)), name).toBeLessThanOrEqual(1);
        expect(await worstError(drawn, rows, (x) => weight.multiplyComposed(x)), name).toBeLessThanOrEqual(1);
        weight.dispose();
      }),
      { numRuns: 150 },
    );
  });

  test.each(names)("%s: a prompt's rows, and work for several threads, are exact too", async (name) => {
    const drawn = draw(name, 130, typeNamed(name).blockSize === 1 ? 515 : 512 / typeNamed(name).blockSize, 7);
    const weight = hold(drawn, drawn.bytes);
    expect(await worstError(drawn, 37, (x) => weight.multiply(x))).toBeLessThanOrEqual(1);
    weight.dispose();
  });

  test("refuses rows that are no whole blocks, and bytes that are too many", () => {
    const type = storedTypes.get("Q4_K")!;
    expect(() => new KernelWeight(pool, type, 2, 100)).toThrow(/no whole number of Q4_K blocks/);
    const weight = new KernelWeight(pool, type, 2, 256);
    expect(() => weight.write(1, new Uint8Array(2 * 144))).toThrow(/do not fit/);
    weight.dispose();
  });
});

/** Bytes altered so that the right kernel sees what one with a fault would make of the true ones. */
const faults: readonly (readonly [string, string, (bytes: Uint8Array) => void])[] = [
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

describe("planted faults are seen by the law", () => {
  test.each(faults)("%s (%s)", async (_, name, plant) => {
    const drawn = draw(name, 2, 2, 3);
    const altered = Uint8Array.from(drawn.bytes);
    plant(altered);
    const weight = hold(drawn, altered);
    expect(await worstError(drawn, 2, (x) => weight.multiply(x))).toBeGreaterThan(1);
    weight.dispose();
  });
});
