/** A heap that is filled to its 4 GiB, by allocations that nobody writes to: they cost addresses and no memory. */
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { startBackend } from "../src/index.js";

const mebibyte = 2 ** 20;
interface Heap {
  _malloc(bytes: number): number;
  _free(address: number): void;
}
let heap: Heap;
const taken: number[] = [];
let before = 0;

beforeAll(async () => {
  await startBackend("wasm");
  heap = (tf.backend() as unknown as { wasm: Heap }).wasm;
});
beforeEach(() => {
  before = tf.memory().numTensors;
});
afterEach(() => {
  giveBack(taken.length);
  expect(tf.memory().numTensors, "tensors left behind").toBe(before);
});

/** Takes blocks of a size until there is no room for another. */
function fill(bytes: number): void {
  for (;;) {
    try {
      taken.push(heap._malloc(bytes));
    } catch {
      return;
    }
  }
}

function giveBack(count: number): void {
  for (const address of taken.splice(taken.length - count)) heap._free(address);
}

const full = (why: string) =>
  expect.objectContaining({ code: "out-of-memory", message: expect.stringContaining(why) });
const weights = (inputs: number, outputs: number) =>
  tf.tensor2d(
    Float32Array.from({ length: inputs * outputs }, (_, i) => Math.sin(i)),
    [inputs, outputs],
  );

/** The first row of ones times a matrix that was made by `weights`. */
async function columnSums(matrix: tf.Tensor2D): Promise<ArrayLike<number>> {
  const y = tf.tidy(() => tf.matMul(tf.ones([2, matrix.shape[0]]), matrix));
  return y.data().finally(() => y.dispose());
}

function expectSums(sums: ArrayLike<number>, [inputs, outputs]: readonly number[]): void {
  for (const column of [0, 1, outputs! - 1]) {
    const exact = Array.from({ length: inputs! }, (_, i) => Math.fround(Math.sin(i * outputs! + column)));
    expect(sums[column]).toBeCloseTo(
      exact.reduce((sum, value) => sum + value, 0),
      3,
    );
  }
}

test("a tensor for which there is no room is an error at once; what was there before is untouched", async () => {
  const matrix = weights(256, 64);
  expectSums(await columnSums(matrix), matrix.shape);
  fill(16 * mebibyte);
  expect(() => tf.zeros([4 * mebibyte])).toThrow(full("no room for a tensor of 16777216 bytes"));
  expect(() => tf.tensor1d(new Float32Array(4 * mebibyte))).toThrow(full("no room for a tensor"));
  expectSums(await columnSums(matrix), matrix.shape);
  giveBack(2);
  const zeros = tf.zeros([4 * mebibyte]);
  expect((await zeros.data())[12345]).toBe(0);
  tf.dispose([matrix, zeros]);
});

// The remaining room decides how XNNPACK fails: with a line, or by reaching outside of the heap.
test.each([
  [1, 0],
  [1, 3],
  [4, 0],
  [4, 1],
])(
  "filled by %i MiB, with %i given back: a product for whose packed matrix there is no room is an error, and that alone",
  async (size, givenBack) => {
    const known = weights(256, 64);
    await columnSums(known);
    const matrix = weights(1024, 2048);
    const warn = vi.spyOn(console, "warn");
    fill(size * mebibyte);
    giveBack(givenBack);
    for (let i = 0; i < 3; i++)
      await expect(columnSums(matrix)).rejects.toThrow(full("a kernel found no room"));
    expectSums(await columnSums(known), known.shape);
    giveBack(32 / size);
    expectSums(await columnSums(matrix), matrix.shape);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
    tf.dispose([known, matrix]);
  },
);

test("a tidy that fails half-way leaves nothing behind", () => {
  fill(mebibyte);
  const chain = () => {
    let x = tf.zeros([mebibyte / 8]);
    for (;;) x = tf.concat([x, x]);
  };
  expect(() => tf.tidy(chain)).toThrow(full("no room"));
});
