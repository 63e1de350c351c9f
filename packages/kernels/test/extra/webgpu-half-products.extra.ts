/**
 * Products in f16 on webgpu against float64: how much they round is bounded, and seen. On a card with the feature shader-f16, or on
 * a driver that plays one: AMULET_F16_DRIVER names the file by which Vulkan knows it, such as that of llvmpipe in Mesa 25.
 */
import { startBackend } from "@amulet-ts/backends";
import { startInHalves } from "@amulet-ts/testing/backends/half-precision";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { storedTypes } from "../../src/stored-types.js";
import { webGpuBackend } from "../../src/webgpu/backend.js";
import { addFeedForward, addProduct, normProduct } from "../../src/webgpu/fused/operations.js";
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
import {
  casesOf,
  drawFeedForward,
  faults as fusedFaults,
  type Operations,
  worstAddProduct,
  worstFeedForward,
  worstNormProduct,
} from "../operation-laws.js";

const { why, slow, isSoftware, isHasty } = await startInHalves();
const inHalves = { inHalves: true };
type Multiply = (weight: PackedWeight, x_NI: tf.Tensor2D) => tf.Tensor2D;

function hold({ type, outputs, inputs }: Drawn, bytes: Uint8Array, mostBytes = 2 ** 27): PackedWeight {
  const weight = new PackedWeight(storedTypes.get(type.name)!, outputs, inputs, mostBytes, "f16");
  weight.write(0, bytes);
  return weight;
}

async function valuesOf(product: tf.Tensor): Promise<number[]> {
  const values = [...(await product.data())];
  product.dispose();
  return values;
}

/** Rows of Q4_0 with a scale each, as bits of a half. */
function drawScaled(scales: readonly number[], width: number): Drawn {
  const drawn = draw("Q4_0", scales.length, width, 3);
  const { bytesPerBlock } = drawn.type;
  for (const [o, scale] of scales.entries())
    for (let block = 0; block < width; block++)
      new DataView(drawn.bytes.buffer).setUint16((o * width + block) * bytesPerBlock, scale, true);
  return drawn;
}

/** Both programs, on as few shapes as may be. */
const ways: readonly (readonly [string, Multiply])[] = [
  ["few rows", (weight, x) => weight.multiply(x, Number.POSITIVE_INFINITY)],
  ["tiles", (weight, x) => weight.multiply(x, 1)],
];

/**
 * How far products with single numbers are from the weights, in units of half the distance of numbers with eleven bits. The
 * largest of a row is brought to 32 at least: what is less than 2⁻¹⁴ there may be taken for zero.
 */
async function worstRounding(drawn: Drawn, weight: PackedWeight, multiply: Multiply): Promise<number> {
  const { outputs, inputs } = drawn;
  const weights = numbersOf(drawn);
  let worst = 0;
  for (let i = 0; i < inputs; i += 2) {
    const states = new Float32Array(2 * inputs);
    states[i] = 1;
    states[inputs + Math.min(i + 1, inputs - 1)] = 1;
    const values = await valuesOf(tf.tidy(() => multiply(weight, tf.tensor2d(states, [2, inputs]))));
    for (let o = 0; o < outputs; o++) {
      const row = weights.subarray(o * inputs, (o + 1) * inputs);
      const largest = row.reduce((most, number) => Math.max(most, Math.abs(number)), 0);
      for (const [n, number] of [row[i]!, row[Math.min(i + 1, inputs - 1)]!].entries()) {
        const half = Math.max(2 ** (Math.floor(Math.log2(Math.abs(number))) - 11), largest * 2 ** -19);
        worst = Math.max(worst, Math.abs(values[n * outputs + o]! - number) / half);
      }
    }
  }
  return worst;
}

describe.skipIf(why)(`products in f16 on webgpu${why && ` (skipped: ${why})`}`, () => {
  withoutLeaks("webgpu");

  describe.each(isHasty ? ["Q4_0"] : names)("%s", (name) => {
    const width = typeNamed(name).blockSize === 1 ? 45 : 256 / typeNamed(name).blockSize;

    test.each(ways)(
      "%s: each weight is the file's, rounded to eleven bits and no further",
      async (_, multiply) => {
        const drawn = draw(name, 5, width, 7);
        const weight = hold(drawn, drawn.bytes);
        const worst = await worstRounding(drawn, weight, multiply);
        expect(worst).toBeLessThanOrEqual(1);
        // Those of the others may have no more bits.
        if (name === "F32") expect(worst).toBeGreaterThan(0);
        weight.dispose();
      },
    );

    test.each(ways)("%s: sums of products are float64's up to six roundings", async (_, multiply) => {
      const drawn = draw(name, 70, width, 7);
      const weight = hold(drawn, drawn.bytes);
      for (const rows of isHasty ? [2] : [2, 37])
        expect(await worstError(drawn, rows, (x) => multiply(weight, x), inHalves)).toBeLessThanOrEqual(1);
      weight.dispose();
    });
  });

  test.each(ways)("%s: sums are float32, however long", async (_, multiply) => {
    // Each weight is 9 − 8.
    const ones = drawScaled([0x3c00, 0x3c00, 0x3c00], 128);
    ones.bytes.forEach((_, at) => {
      if (at % 18 >= 2) ones.bytes[at] = 0x99;
    });
    const weight = hold(ones, ones.bytes);
    // f16 goes on in twos from 2048: added one after another, ones would stay there.
    const product = tf.tidy(() => multiply(weight, tf.ones([2, 4096])));
    expect(await valuesOf(product)).toEqual(new Array<number>(6).fill(4096));
    weight.dispose();
  });

  test.each(ways)("%s: numbers far beyond those of f16, large and small", async (_, multiply) => {
    // Scales of 6e-8, 1e-3, 1 and 6e4.
    const drawn = drawScaled([0x0001, 0x1419, 0x3c00, 0x7b00], 3);
    const weight = hold(drawn, drawn.bytes);
    const wave = (i: number) => Math.sin(1 + i * 1.7);
    for (const [small, large] of [
      [1e-30, 1e30],
      [1e-4, 1e6],
      [0, 1],
    ] as const) {
      // Each row with one number that is a thousand times the others.
      const row = (size: number) =>
        Array.from({ length: 96 }, (_, i) => size * (i === 5 ? 1e3 : wave(i * i)));
      const states = Float32Array.from([...row(small), ...row(large)]);
      const worst = await worstError(drawn, 2, (x) => multiply(weight, x), { ...inHalves, states });
      expect(worst).toBeLessThanOrEqual(1);
    }
    weight.dispose();
  });

  test("rows that are written piece by piece, and one of zeros, have their powers of two; look-ups do not round", async () => {
    const drawn = drawScaled([0x7b00, 0x3c00, 0x0001], 2);
    drawn.bytes.fill(0, 36, 72);
    const weight = new PackedWeight(storedTypes.get("Q4_0")!, 3, 64, 2 ** 27, "f16");
    for (const n of [2, 0, 1]) weight.write(n, drawn.bytes.subarray(36 * n, 36 * (n + 1)));
    for (const [, multiply] of ways)
      expect(await worstError(drawn, 2, (x) => multiply(weight, x), inHalves)).toBeLessThanOrEqual(1);
    expect(await valuesOf(weight.lookUp(Int32Array.of(0, 1)))).toEqual([
      ...numbersOf(drawn).subarray(0, 128),
    ]);
    weight.dispose();
  });

  test.each(ways)("%s: a planted fault is seen, the power of two of a smaller row", async (_, multiply) => {
    const drawn = drawScaled([0x3c00, 0x3c00], 3);
    const weight = hold(drawn, drawn.bytes);
    const worst = () => worstError(drawn, 2, (x) => multiply(weight, x), inHalves);
    expect(await worst()).toBeLessThanOrEqual(1);
    const { tensorMap, queue } = webGpuBackend();
    const { resource } = tensorMap.get(weight.slices[0]!.blocks_OW.dataId);
    // Behind the 14 words of three blocks.
    queue.writeBuffer(resource, 4 * 14, new Uint8Array(Float32Array.of(2 ** 14).buffer));
    expect(await worst()).toBeGreaterThan(1);
    weight.dispose();
  });

  const shown = faults.filter(([, name]) => !isHasty || name === "Q4_0");
  test.each(shown)("a planted fault is seen: %s (%s)", async (_, name, plant) => {
    const drawn = draw(name, 5, 2, 3);
    const altered = Uint8Array.from(drawn.bytes);
    plant(altered);
    const weight = hold(drawn, altered);
    expect(await worstRounding(drawn, weight, ways[0]![1])).toBeGreaterThan(1);
    weight.dispose();
  });

  test("kernels of either precision stand at one backend, which says which", async () => {
    const { description } = await startBackend("webgpu", { precision: "f16" });
    expect(description).toMatch(/, products in f16$/);
    expect((await startBackend("webgpu")).description).not.toMatch(/f16/);
  });
});

describe.skipIf(slow)(`many shapes in f16 on webgpu${slow && ` (skipped: ${slow})`}`, () => {
  withoutLeaks("webgpu");

  test("1 to 9 rows are float64's up to six roundings, from one buffer or several, by few rows or tiles", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), fc.constantFrom(...ways), async (given, isCut, [, multiply]) => {
        const { name, outputs, width, rows, seed } = given;
        const drawn = draw(name, outputs, widthOf(name, width, seed), seed);
        const whole = hold(drawn, drawn.bytes);
        const weight = isCut ? hold(drawn, drawn.bytes, 5 * (whole.bytes / outputs)) : whole;
        const worst = await worstError(drawn, rows, (x) => multiply(weight, x), inHalves);
        expect(worst, name).toBeLessThanOrEqual(1);
        for (const held of new Set([whole, weight])) held.dispose();
      }),
      { numRuns: isSoftware ? 10 : 60 },
    );
  });

  const operations = {
    ...{ backend: "webgpu", inHalves: true, normProduct, addProduct, addFeedForward },
    hold: (rows: readonly (readonly number[])[]) => {
      const bytes = new Uint8Array(Float32Array.from(rows.flat()).buffer);
      return hold({ type: typeNamed("F32"), outputs: rows.length, inputs: rows[0]!.length, bytes }, bytes);
    },
  } as unknown as Operations;

  /** Few rows and many, whole chunks and odd widths. */
  const fused = casesOf({ rows: fc.constantFrom(1, 2, 3, 9, 17, 35), width: fc.constantFrom(1, 13, 32, 64) });
  const runs = { numRuns: isSoftware ? 4 : 12 };

  test.each([
    ["norm and product", worstNormProduct],
    ["product, its norm and what it is added to", worstAddProduct],
  ])("%s are float64's", async (_, worst) => {
    await fc.assert(
      fc.asyncProperty(fused, async (given) => {
        expect(await worst(operations, given)).toBeLessThan(1);
      }),
      runs,
    );
  });

  test("a feed-forward is float64's", async () => {
    await fc.assert(
      fc.asyncProperty(fused, async (given) => {
        const { x, drawn } = drawFeedForward(given);
        expect(await worstFeedForward(operations, x, drawn)).toBeLessThan(1);
      }),
      runs,
    );
  });

  test("a norm taken on the way, and a gate thousands of times as large as what it is multiplied with", async () => {
    const kind = { isLayer: false, isBiased: false, hasGate: true, hasOutNorm: false, isWhole: true };
    const given = { ...kind, rows: 2, width: 32, outputs: 9, activation: "silu", seed: 7 } as const;
    const { x, drawn } = drawFeedForward(given);
    const rows = drawn.up.rows.map((row) => row.map((weight) => weight / 2 ** 12));
    const uneven = { ...drawn, up: { ...drawn.up, rows } };
    expect(await worstFeedForward(operations, x, uneven)).toBeLessThan(1);
    expect(await worstNormProduct(operations, given)).toBeLessThan(1);
  });

  test.each(fusedFaults)("and %s is seen", async (_, given, spoil) => {
    const { x, drawn } = drawFeedForward(given);
    expect(await worstFeedForward(operations, x, drawn)).toBeLessThan(1);
    expect(await worstFeedForward(operations, x, drawn, spoil(drawn))).toBeGreaterThan(1);
  });
});
