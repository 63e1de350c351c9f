import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { startBackend } from "../src/index.js";

beforeAll(() => startBackend("wasm"));

const axis = fc
  .integer({ min: 1, max: 5 })
  .chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 })))
  .chain(([size, begin]) =>
    fc.tuple(fc.constant(size), fc.constant(begin), fc.integer({ min: 1, max: size - begin })),
  );

/** The definition: element by element. */
function sliceByIndex(values: readonly number[], shape: number[], begin: number[], size: number[]): number[] {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((product, length) => product * length, 1));
  return values.filter((_, flat) =>
    shape.every((length, i) => {
      const index = Math.floor(flat / strides[i]!) % length;
      return index >= begin[i]! && index < begin[i]! + size[i]!;
    }),
  );
}

test.each(["float32", "int32"] as const)(
  "a %s slice holds the elements between its bounds, in order",
  (dtype) => {
    fc.assert(
      fc.property(fc.array(axis, { minLength: 1, maxLength: 5 }), (axes) => {
        const [shape, begin, size] = [0, 1, 2].map((part) => axes.map((one) => one[part]!)) as [
          number[],
          number[],
          number[],
        ];
        const values = Array.from(
          { length: shape.reduce((product, length) => product * length, 1) },
          (_, i) => i,
        );
        const before = tf.memory().numTensors;
        const came = tf.tidy(() => tf.slice(tf.tensor(values, shape, dtype), begin, size).dataSync());
        expect([...came]).toEqual(sliceByIndex(values, shape, begin, size));
        expect(tf.memory().numTensors).toBe(before);
      }),
      { seed: 2, numRuns: 400 },
    );
  },
);

test("a single number and an empty slice are slices too", () => {
  tf.tidy(() => {
    expect([...tf.slice(tf.tensor2d([[1, 2, 3]]), [0, 1], [1, 0]).dataSync()]).toEqual([]);
    expect([...tf.slice(tf.tensor1d([7]), [0], [1]).dataSync()]).toEqual([7]);
  });
});
