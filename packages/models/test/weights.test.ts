/** Weights, however they are held, against the file's own numbers: looked up bit for bit, multiplied by float64. */
import type { TensorSource } from "@amulet-ts/files";
import { openGguf } from "@amulet-ts/files";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { effectiveRoundoff } from "@amulet-ts/testing/backends/tolerance";
import { backendsUnderTest, casesOn } from "@amulet-ts/testing/backends/under-test";
import { place } from "@amulet-ts/testing/files/checkpoint-writer";
import { drawTensor, fileOf, storedTypes } from "@amulet-ts/testing/files/stored-tensors";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { joinWeights } from "../src/weights/joined-weight.js";
import { StoredWeight } from "../src/weights/stored-weight.js";
import { TensorWeight } from "../src/weights/tensor-weight.js";
import type { Weight } from "../src/weights/weight.js";

/** What a file says: `[outputs, inputs]` numbers. */
interface Expected {
  readonly outputs: number;
  readonly inputs: number;
  readonly rows: readonly Float32Array[];
}

async function withTensor(
  drawn: ReturnType<typeof drawTensor>,
  run: (source: TensorSource, expected: Expected) => Promise<void>,
): Promise<void> {
  const store = await openGguf(await place({ "stored.gguf": fileOf(drawn) }));
  try {
    const source = store.tensors.get(drawn.name)!;
    const [outputs, inputs] = source.shape as [number, number];
    const all = await source.read();
    const rows = Array.from({ length: outputs }, (_, o) => all.slice(o * inputs, (o + 1) * inputs));
    await run(source, { outputs, inputs, rows });
  } finally {
    await store.close();
  }
}

async function stored(source: TensorSource, first = 0, count = source.shape[0]! - first): Promise<Weight> {
  const { type, bytes } = await source.readStored(first, count);
  return new StoredWeight(type, bytes, [count, source.shape[1]!]);
}

function asTensor({ rows, inputs }: Expected, order: "columns" | "rows"): Weight {
  const rows_OI = tf.tensor2d(
    rows.flatMap((row) => [...row]),
    [rows.length, inputs],
  );
  if (order === "rows") return new TensorWeight({ rows_OI });
  const columns_IO: tf.Tensor2D = tf.transpose(rows_OI);
  rows_OI.dispose();
  return new TensorWeight({ columns_IO });
}

/** Every way to hold a weight; the last one of parts of unlike kinds, cut where `cut` says. */
async function heldInEveryWay(source: TensorSource, expected: Expected, cut: number): Promise<Weight[]> {
  const first = Math.min(cut, expected.outputs - 1);
  const parts = [
    asTensor({ ...expected, rows: expected.rows.slice(0, first + 1) }, cut % 2 === 0 ? "rows" : "columns"),
    ...(first + 1 < expected.outputs ? [await stored(source, first + 1)] : []),
  ];
  const tensors = (["columns", "rows"] as const).map((order) => asTensor(expected, order));
  return [await stored(source), ...tensors, joinWeights(parts)];
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  Buffer.from(buffer, byteOffset, byteLength);

async function expectRows(weight: Weight, ids: readonly number[], { rows, inputs }: Expected): Promise<void> {
  const found_NI = tf.tidy(() => weight.lookUp(Int32Array.from(ids)));
  expect(found_NI.shape).toEqual([ids.length, inputs]);
  const values = (await found_NI.data()) as Float32Array;
  found_NI.dispose();
  for (const [n, id] of ids.entries())
    expect(
      bytesOf(values.subarray(n * inputs, (n + 1) * inputs)).equals(bytesOf(rows[id]!)),
      `row ${id}`,
    ).toBe(true);
}

/** Within the classic bound on a sum of n rounded products, in any order. */
async function expectProducts(
  weight: Weight,
  states: readonly Float32Array[],
  expected: Expected,
  u: number,
) {
  const { inputs, outputs, rows } = expected;
  const product = tf.tidy(() =>
    weight.multiply(
      tf.tensor2d(
        states.flatMap((row) => [...row]),
        [states.length, inputs],
      ),
    ),
  );
  expect(product.shape).toEqual([states.length, outputs]);
  const values = await product.data();
  product.dispose();
  for (const [n, x] of states.entries()) {
    for (const [o, w] of rows.entries()) {
      const terms = Array.from(x, (value, i) => value * w[i]!);
      const exact = terms.reduce((sum, term) => sum + term, 0);
      const magnitude = terms.reduce((sum, term) => sum + Math.abs(term), 0);
      const error = Math.abs(values[n * outputs + o]! - exact);
      expect(error, `state ${n}, output ${o}`).toBeLessThanOrEqual(inputs * u * magnitude);
    }
  }
}

/** Types whose random bytes are numbers of every size: a product of them overflows, and says nothing. */
const wild = new Set(["F32", "BF16", "F64"]);
const cases = fc.record({
  type: fc.constantFrom(...storedTypes),
  outputs: fc.integer({ min: 1, max: 7 }),
  blocksInRow: fc.integer({ min: 1, max: 2 }),
  rows: fc.integer({ min: 1, max: 3 }),
  cut: fc.nat(5),
  seed: fc.nat(),
});

describe.each(backendsUnderTest)("on %s", (backend) => {
  withoutLeaks(backend);

  test("any rows are the file's, bit for bit, in every way of holding them", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.array(fc.nat(), { minLength: 1, maxLength: 9 }), async (drawn, picks) => {
        const { type, outputs, blocksInRow, cut, seed } = drawn;
        await withTensor(drawTensor(type[1], outputs, blocksInRow, seed), async (source, expected) => {
          const ids = picks.map((pick) => pick % outputs);
          for (const weight of await heldInEveryWay(source, expected, cut)) {
            await expectRows(weight, ids, expected);
            weight.dispose();
          }
        });
      }),
      { numRuns: casesOn(80) },
    );
  });

  test("products are those of float64 with the file's numbers, in every way of holding them", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ type, outputs, blocksInRow, rows, cut, seed }) => {
        fc.pre(!wild.has(type[0]));
        await withTensor(drawTensor(type[1], outputs, blocksInRow, seed), async (source, expected) => {
          const states = Array.from({ length: rows }, (_, n) =>
            Float32Array.from({ length: expected.inputs }, (_, i) => Math.sin(1 + n + i * (n + 2))),
          );
          for (const weight of await heldInEveryWay(source, expected, cut)) {
            await expectProducts(weight, states, expected, effectiveRoundoff(backend));
            weight.dispose();
          }
        });
      }),
      { numRuns: casesOn(80) },
    );
  });

  test.each(storedTypes)("%s: the product with one input at a time is the file's numbers", async (_, id) => {
    await withTensor(drawTensor(id, 3, 1, 11 + id), async (source, expected) => {
      const weight = await stored(source);
      await expectNumbers(weight, expected);
      expect(weight.storedType).toBe(source.type);
      expect(weight.bytes).toBe(source.byteLength);
      weight.dispose();
    });
  });

  test("a weight of more numbers than are decoded at once, the last of them fewer", async () => {
    await withTensor(drawTensor(2, 3, 12_000, 5), async (source, expected) => {
      const weight = await stored(source);
      await expectNumbers(weight, expected);
      weight.dispose();
    });
  });
});

/** First, last and middle input, each alone: no sum that could round. */
async function expectNumbers(weight: Weight, { inputs, rows }: Expected): Promise<void> {
  const picked = [0, inputs - 1, inputs >> 1];
  const states = new Float32Array(picked.length * inputs);
  for (const [n, i] of picked.entries()) states[n * inputs + i] = 1;
  const product = tf.tidy(() => weight.multiply(tf.tensor2d(states, [picked.length, inputs])));
  // + 0: whether a sum of zeros is −0 is the backend's matter.
  const found = ((await product.array()) as number[][]).map((row) => row.map((value) => value + 0));
  expect(found).toEqual(picked.map((i) => rows.map((row) => row[i]! + 0)));
  product.dispose();
}
