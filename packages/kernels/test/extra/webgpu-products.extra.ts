/**
 * Packed weights on webgpu against float64 on the file's own numbers; rows against the decoders of `files`. On a graphics card,
 * or on SwiftShader (VK_ICD_FILENAMES=…/vk_swiftshader_icd.json).
 */
import { startBackend } from "@amulet-ts/backends";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { drawBlocks } from "@amulet-ts/testing/files/stored-tensors";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { storedTypes } from "../../src/stored-types.js";
import { PackedWeight } from "../../src/webgpu/packed-weight.js";
import {
  cases,
  type Drawn,
  draw,
  faults,
  names,
  numbersOf,
  typeNamed,
  widthOf,
  worstError,
} from "../drawn-weight.js";

const why = await startBackend("webgpu").then(
  () => "",
  ({ message }: Error) => message,
);

/** As one buffer may have at the least that WebGPU promises. */
const usual = 2 ** 27;

function hold({ type, outputs, inputs }: Drawn, bytes: Uint8Array, mostBytes = usual): PackedWeight {
  const weight = new PackedWeight(storedTypes.get(type.name)!, outputs, inputs, mostBytes);
  weight.write(0, bytes);
  return weight;
}

const store = () =>
  (tf.backend() as unknown as { readonly bufferManager: { readonly numBytesUsed: number } }).bufferManager;

/** Bytes that tensors have, once what is pending has been done. */
async function bytesUsed(): Promise<number> {
  const y = tf.tidy(() => tf.add(tf.tensor1d([1]), 1));
  await y.data();
  y.dispose();
  return store().numBytesUsed;
}

/** What a card may take for zero. */
const flushed = (value: number) => (Math.abs(value) < 2 ** -126 ? 0 : value);

describe.skipIf(why)(`packed weights on webgpu${why && ` (skipped: ${why})`}`, () => {
  withoutLeaks("webgpu");

  test("give their rows as files decode them, number for number, from one buffer or several", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(3), async ({ name, outputs, width, seed }, cuts) => {
        const type = typeNamed(name);
        const blocks = widthOf(name, width, seed);
        const bytes = drawBlocks(type, outputs * blocks, seed);
        const drawn = { type, outputs, inputs: blocks * type.blockSize, bytes };
        const whole = hold(drawn, bytes);
        const weight = hold(drawn, bytes, Math.ceil(outputs / (cuts + 1)) * (whole.bytes / outputs));
        const ids = Int32Array.from({ length: outputs + 1 }, (_, n) => (outputs + 2 - n) % outputs);
        const found = weight.lookUp(ids);
        const values = (await found.data()) as Float32Array;
        for (const held of [found, weight, whole]) held.dispose();
        const expected = numbersOf(drawn);
        const wanted = [...ids].flatMap((id) => [
          ...expected.subarray(id * drawn.inputs, (id + 1) * drawn.inputs),
        ]);
        expect([...values].map(flushed), name).toEqual(wanted.map(flushed));
      }),
      { numRuns: 60 },
    );
  });

  test("multiply 1 to 9 rows as float64 does with the same numbers, from one buffer or several", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async ({ name, outputs, width, rows, seed }, isCut) => {
        const drawn = draw(name, outputs, widthOf(name, width, seed), seed);
        const whole = hold(drawn, drawn.bytes);
        const rowBytes = whole.bytes / outputs;
        const weight = isCut ? hold(drawn, drawn.bytes, 5 * rowBytes) : whole;
        expect(await worstError(drawn, rows, (x) => weight.multiply(x)), name).toBeLessThanOrEqual(1);
        for (const held of new Set([whole, weight])) held.dispose();
      }),
      { numRuns: 100 },
    );
  });

  test.each(names)("%s: the rows of a prompt, in tiles", async (name) => {
    const width = typeNamed(name).blockSize === 1 ? 75 : 256 / typeNamed(name).blockSize;
    const drawn = draw(name, 70, width, 7);
    const weight = hold(drawn, drawn.bytes);
    expect(await worstError(drawn, 37, (x) => weight.multiply(x))).toBeLessThanOrEqual(1);
    weight.dispose();
  });

  test("tiles of few rows and of few outputs, from several buffers", async () => {
    const drawn = draw("Q4_1", 23, 3, 5);
    const weight = hold(drawn, drawn.bytes, 9 * 60);
    for (const rows of [1, 9])
      expect(await worstError(drawn, rows, (x) => weight.multiply(x, 1))).toBeLessThanOrEqual(1);
    weight.dispose();
  });

  test("take the bytes of the file and no more, and leave none", async () => {
    const before = await bytesUsed();
    const drawn = draw("Q4_K", 512, 2, 3);
    const weight = hold(drawn, drawn.bytes);
    expect(weight.bytes).toBe(drawn.bytes.length);
    const use = async () => {
      const found = weight.lookUp(Int32Array.of(3, 500));
      const product = weight.multiply(found);
      await product.data();
      tf.dispose([found, product]);
      return bytesUsed();
    };
    expect(await use()).toBe(before + drawn.bytes.length);
    expect(await use()).toBe(before + drawn.bytes.length);
    weight.dispose();
    weight.dispose();
    expect(await bytesUsed()).toBe(before);
  });

  test("may be disposed of while what was computed with them is not read yet", async () => {
    const drawn = draw("Q8_0", 5, 2, 3);
    const weight = hold(drawn, drawn.bytes);
    const multiply = (x: tf.Tensor2D) => {
      const product = weight.multiply(x);
      weight.dispose();
      return product;
    };
    expect(await worstError(drawn, 2, multiply)).toBeLessThanOrEqual(1);
  });

  test("refuse rows that are no whole blocks, bytes that are too many, and rows that no buffer holds", () => {
    const type = storedTypes.get("Q4_K")!;
    expect(() => new PackedWeight(type, 2, 100, usual)).toThrow(/no whole number of Q4_K blocks/);
    expect(() => new PackedWeight(type, 2, 256, 140)).toThrow(/144 bytes is more than a buffer's 140/);
    const weight = new PackedWeight(type, 2, 256, usual);
    for (const bytes of [2 * 144, 100])
      expect(() => weight.write(1, new Uint8Array(bytes))).toThrow(/do not fit/);
    weight.dispose();
  });

  test.each(faults)("a planted fault is seen by the law: %s (%s)", async (_, name, plant) => {
    const drawn = draw(name, 2, 2, 3);
    const altered = Uint8Array.from(drawn.bytes);
    plant(altered);
    const weight = hold(drawn, altered);
    expect(await worstError(drawn, 2, (x) => weight.multiply(x))).toBeGreaterThan(1);
    weight.dispose();
  });
});
