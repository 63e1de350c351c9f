/** A wasm backend that the program has started by itself, before ours. */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-wasm";
import { expect, test } from "vitest";
import { startBackend } from "../src/index.js";

test("it tells when its heap is full too", async () => {
  await tf.setBackend("wasm");
  const x = tf.tensor1d([1, 2]);
  await startBackend("wasm");
  const { wasm } = tf.backend() as unknown as { wasm: { _malloc(bytes: number): number } };
  const full = expect.objectContaining({ code: "out-of-memory" });
  const fill = () => {
    for (;;) wasm._malloc(2 ** 26);
  };
  expect(fill).toThrow(full);
  expect(() => tf.zeros([2 ** 24])).toThrow(full);
  const y = tf.tidy(() => tf.mul(x, 3));
  expect([...(await y.data())]).toEqual([3, 6]);
});
