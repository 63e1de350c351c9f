import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test, vi } from "vitest";
import { backendNames, startBackend } from "../src/index.js";
import { isLibtensorflowHere } from "../src/libtensorflow/load.js";

test.each(["wasm", "cpu"])("%s runs when it is asked for", async (name) => {
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
      message: expect.stringContaining("wasm, cpu, webgpu, node, node-gpu"),
    });
  },
);

test.each([
  ["node", "cpu", "amulet doctor --setup-libtensorflow`"],
  ["node-gpu", "gpu", "amulet doctor --setup-libtensorflow --gpu`"],
] as const)(
  "%s without its library says which command gets it, and leaves the old one on",
  async (name, kind, command) => {
    vi.stubEnv("AMULET_LIBTENSORFLOW", join(tmpdir(), "no such folder"));
    await startBackend("wasm");
    if (isLibtensorflowHere(kind)) return;
    await expect(startBackend(name)).rejects.toMatchObject({
      code: "missing-backend",
      message: expect.stringContaining(command),
    });
    expect(tf.getBackend()).toBe("wasm");
    vi.unstubAllEnvs();
  },
);
