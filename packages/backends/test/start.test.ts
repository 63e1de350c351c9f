import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { backendNames, startBackend } from "../src/index.js";

test.each(backendNames)("%s runs when it is asked for", async (name) => {
  const backend = await startBackend(name);
  expect(backend.name).toBe(name);
  expect(tf.getBackend()).toBe(name);
  const product = tf.tidy(() => tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])));
  expect([...(await product.data())]).toEqual([11]);
  product.dispose();
});

test("the default is the first of the list", async () => {
  expect((await startBackend()).name).toBe(backendNames[0]);
});

test.each(["cuda", "", "toString"])(
  "there is no backend %j, and the error names those there are",
  async (name) => {
    await expect(startBackend(name)).rejects.toMatchObject({
      code: "unknown-backend",
      message: expect.stringContaining("wasm, cpu"),
    });
  },
);
