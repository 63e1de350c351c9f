/** Every kernel against float64 on the file's own numbers; rows against the decoders of `files`, bit for bit. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { drawBlocks } from "@amulet-ts/testing/files/stored-tensors";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import { product } from "../src/fused/operations.js";
import { firstFree } from "../src/memory/layout.js";
import { hasRelaxedSimd } from "../src/memory/relaxed-simd.js";
import { Pool } from "../src/pool/pool.js";
import { storedTypes } from "../src/stored-types.js";
import { KernelWeight } from "../src/weights/kernel-weight.js";
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
} from "./drawn-weight.js";

withoutLeaks("wasm");

/** Both builds, where this platform has relaxed SIMD. */
const builds = hasRelaxedSimd() ? [false, true] : [false];
const pools = builds.map((isRelaxed) => new Pool(3, isRelaxed));
const pool = pools.at(-1)!;
/** Hold the pools open between weights. */
const anchors = pools.map(({ heap }) => heap.allocate(1));
afterAll(() => {
  for (const [i, anchor] of anchors.entries()) pools[i]!.release(anchor);
});

/** Codes and offsets are summed apart where there are so few rows. */
const apart = (rows: number) => ({ sumsOffsetsApart: rows <= 2 });

function hold({ type, outputs, inputs }: Drawn, bytes: Uint8Array, where = pool): KernelWeight {
  const weight = new KernelWeight(where, storedTypes.get(type.name)!, outputs, inputs);
  weight.write(0, bytes);
  return weight;
}

const waves = (rows: number, inputs: number) =>
  tf.tensor2d(
    Float32Array.from({ length: rows * inputs }, (_, i) => Math.sin(i)),
    [rows, inputs],
  );

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
        for (const where of pools) {
          const weight = hold(drawn, drawn.bytes, where);
          const error = await worstError(drawn, rows, (x) => weight.multiply(x), apart(rows));
          expect(error, name).toBeLessThanOrEqual(1);
          expect(await worstError(drawn, rows, (x) => weight.multiplyComposed(x)), name).toBeLessThanOrEqual(
            1,
          );
          weight.dispose();
        }
      }),
      { numRuns: 150 },
    );
  });

  test.each(names)("%s: a prompt's rows, and work for several threads, are exact too", async (name) => {
    const drawn = draw(name, 130, typeNamed(name).blockSize === 1 ? 515 : 512 / typeNamed(name).blockSize, 7);
    for (const where of pools) {
      const weight = hold(drawn, drawn.bytes, where);
      for (const rows of [1, 2, 37]) {
        const error = await worstError(drawn, rows, (x) => weight.multiply(x), apart(rows));
        expect(error, `${rows} rows`).toBeLessThanOrEqual(1);
      }
      weight.dispose();
    }
  });

  test.each(names)("%s: products are the same however many chunks they are cut into", (name) => {
    const drawn = draw(name, 130, typeNamed(name).blockSize === 1 ? 515 : 512 / typeNamed(name).blockSize, 7);
    const weight = hold(drawn, drawn.bytes);
    for (const rows of [1, 2, 37]) {
      const multiply = () => tf.tidy(() => weight.multiply(waves(rows, drawn.inputs)).dataSync());
      const expected = multiply();
      const cut = vi.spyOn(pool, "chunksFor").mockImplementation((units) => Math.min(units, 5));
      expect(multiply()).toEqual(expected);
      cut.mockRestore();
    }
    weight.dispose();
  });

  test("of one row each, more than a job holds, give what they give as one, and write over nothing", () => {
    // The table of halves is what is given away first.
    const table = () => Buffer.from(pool.heap.bytes.slice(firstFree, firstFree + 4 * 2 ** 16));
    const before = table();
    const drawn = draw("Q8_0", 230, 2, 3);
    const rowBytes = drawn.bytes.length / drawn.outputs;
    const whole = hold(drawn, drawn.bytes);
    const parts = Array.from({ length: drawn.outputs }, (_, o) =>
      hold({ ...drawn, outputs: 1 }, drawn.bytes.slice(o * rowBytes, (o + 1) * rowBytes)),
    );
    for (const rows of [1, 3])
      tf.tidy(() => {
        const x_NI = waves(rows, drawn.inputs);
        expect(product(x_NI, parts).dataSync()).toEqual(whole.multiply(x_NI).dataSync());
      });
    expect(table().equals(before)).toBe(true);
    for (const weight of [whole, ...parts]) weight.dispose();
  });

  test.each(names)("%s: rows with a single one give the file's numbers, bit for bit", async (name) => {
    const drawn = draw(name, 7, typeNamed(name).blockSize === 1 ? 77 : 2, 5);
    const { outputs, inputs } = drawn;
    const ones = new Float32Array(inputs * inputs);
    for (let i = 0; i < inputs; i++) ones[i * inputs + i] = 1;
    const expected = numbersOf(drawn);
    for (const where of pools) {
      const weight = hold(drawn, drawn.bytes, where);
      const found = tf.tidy(() => weight.multiply(tf.tensor2d(ones, [inputs, inputs])));
      const values = await found.data();
      found.dispose();
      weight.dispose();
      for (let o = 0; o < outputs; o++)
        for (let i = 0; i < inputs; i++)
          expect(values[i * outputs + o]! + 0, `output ${o}, number ${i}`).toBe(
            expected[o * inputs + i]! + 0,
          );
    }
  });

  test("refuses rows that are no whole blocks, and bytes that are too many", () => {
    const type = storedTypes.get("Q4_K")!;
    expect(() => new KernelWeight(pool, type, 2, 100)).toThrow(/no whole number of Q4_K blocks/);
    const weight = new KernelWeight(pool, type, 2, 256);
    expect(() => weight.write(1, new Uint8Array(2 * 144))).toThrow(/do not fit/);
    weight.dispose();
  });
});

describe("planted faults are seen by the law", () => {
  test.each(faults)("%s (%s)", async (_, name, plant) => {
    const drawn = draw(name, 2, 2, 3);
    const altered = Uint8Array.from(drawn.bytes);
    plant(altered);
    const weight = hold(drawn, altered);
    // In registers, and by way of scratch.
    for (const rows of [1, 2, 3])
      expect(await worstError(drawn, rows, (x) => weight.multiply(x), apart(rows))).toBeGreaterThan(1);
    weight.dispose();
  });
});
