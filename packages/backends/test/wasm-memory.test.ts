/** A heap that is filled to its 4 GiB, by allocations that nobody writes to: they cost addresses and no memory. */
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { startBackend } from "../src/index.js";

const mebibyte = 2 ** 20;
interface Backend extends tf.KernelBackend {
  readonly wasm: {
    _malloc(bytes: number): number;
    _free(address: number): void;
    stackSave(): number;
  };
}
let backend: Backend;
let warned: unknown[][];
const taken: number[] = [];
let before: unknown;

const held = () => [tf.memory().numTensors, backend.numDataIds(), backend.wasm.stackSave()];

beforeAll(async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  warned = warn.mock.calls;
  await Promise.all([startBackend("wasm"), startBackend("wasm")]);
  expect(console.warn, "left in the console").toBe(warn);
  backend = tf.backend() as Backend;
});
beforeEach(() => {
  before = held();
});
afterEach(() => {
  giveBack(taken.length);
  expect(held(), "tensors, their data, and the stack of compiled code").toEqual(before);
  expect(warned.splice(0)).toEqual([]);
});

/** Takes blocks of a size until there is no room for another. */
function fill(bytes: number): void {
  for (;;) {
    try {
      taken.push(backend.wasm._malloc(bytes));
    } catch {
      return;
    }
  }
}

function giveBack(count: number): void {
  for (const address of taken.splice(taken.length - count)) backend.wasm._free(address);
}

const start = 'The heap of the backend "wasm", 4 GiB at most, is full: ';
const end =
  " Take fewer rows or tokens, a smaller model, another backend (see --backend), or the engine llama.cpp " +
  "(--engine llama.cpp): node's and llama.cpp's limit is the machine's memory.";

/** @param why words and a pattern of what is in brackets after them */
const full = (why: string, line?: RegExp) =>
  expect.objectContaining({
    name: "BackendError",
    code: "out-of-memory",
    message: expect.stringMatching(
      new RegExp(`^${escaped(start + why)}${line ? ` \\(${line.source}\\)` : ""}\\.${escaped(end)}$`),
    ),
  });
const escaped = (text: string) => text.replace(/[.()]/g, "\\$&");

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
  expect(() => tf.zeros([4 * mebibyte])).toThrow(full("it has no room for a tensor of 16777216 bytes"));
  expect(() => tf.tensor1d(new Float32Array(4 * mebibyte))).toThrow(
    full("it has no room for a tensor of 16777216 bytes"),
  );
  expectSums(await columnSums(matrix), matrix.shape);
  giveBack(2);
  const zeros = tf.zeros([4 * mebibyte]);
  expect((await zeros.data())[12345]).toBe(0);
  tf.dispose([matrix, zeros]);
});

test("a tensor larger than any heap is an error, not one of its size modulo 4 GiB", async () => {
  const [column, row] = [tf.ones([32_769, 1]), tf.ones([1, 32_768])];
  expect(() => tf.matMul(column, row)).toThrow(full("it has no room for a tensor of 4295098368 bytes"));
  tf.dispose([column, row]);
});

// The remaining room decides how XNNPACK fails: it prints a line, gives up, or reaches outside of the heap.
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
    fill(size * mebibyte);
    giveBack(givenBack);
    for (let i = 0; i < 20; i++)
      await expect(columnSums(matrix)).rejects.toThrow(
        full(
          "a kernel found no room to work in",
          /XNN status for xnn_.*|memory access out of bounds|Aborted\(\).*/,
        ),
      );
    expect(backend.refCount(matrix.dataId)).toBe(1);
    expectSums(await columnSums(known), known.shape);
    giveBack(32 / size);
    expectSums(await columnSums(matrix), matrix.shape);
    tf.dispose([known, matrix]);
  },
);

test("a tidy that fails half-way leaves nothing behind", () => {
  fill(mebibyte);
  const chain = () => {
    let x = tf.zeros([mebibyte / 8]);
    for (;;) x = tf.concat([x, x]);
  };
  expect(() => tf.tidy(chain)).toThrow(expect.objectContaining({ code: "out-of-memory" }));
});

test("what XNNPACK refuses for another reason is not called a full heap", () => {
  const [empty, some] = [tf.zeros([2, 0]), tf.zeros([0, 3])];
  expect(() => tf.matMul(empty, some)).toThrow(
    expect.objectContaining({
      code: "device-error",
      message: expect.stringMatching(/^XNNPACK refused to compute: XNN/),
    }),
  );
  tf.dispose([empty, some]);
});

test("an error that is none of these comes as it is, and other warnings are printed", async () => {
  const x = tf.zeros([2]);
  expect(() => tf.engine().runKernel("Reshape", { x }, { shape: [3] })).toThrow(/^(?!.*heap).*shape/i);
  x.dispose();
  console.warn("another warning");
  expect(warned.splice(0)).toEqual([["another warning"]]);
});
