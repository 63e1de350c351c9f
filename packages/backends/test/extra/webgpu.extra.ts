/** WebGPU in Node: Dawn, on a graphics card or on SwiftShader (VK_ICD_FILENAMES=…/vk_swiftshader_icd.json). */
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { candidateBackends, type RunningBackend, startBackend } from "../../src/index.js";
import { hasGraphicsCard } from "../../src/webgpu/webgpu.js";
import { freeBytesKept } from "../../src/webgpu/webgpu-buffers.js";
import type { WebGpuBackend } from "../../src/webgpu/webgpu-device.js";

let running: RunningBackend | undefined;
let why = "";
try {
  running = await startBackend("webgpu");
} catch (error) {
  why = (error as Error).message;
}

const backend = () => tf.backend() as unknown as WebGpuBackend;

describe.skipIf(!running)(`webgpu (${running ? running.device : `skipped: ${why}`})`, () => {
  let before = 0;
  beforeAll(async () => {
    await startBackend("webgpu");
  });
  beforeEach(() => {
    before = tf.memory().numTensors;
  });
  afterEach(() => {
    expect(tf.memory().numTensors, "tensors left behind").toBe(before);
  });

  test("it is webgpu that computes, and it tells what one tensor may be", () => {
    expect(tf.getBackend()).toBe("webgpu");
    const { maxBufferSize, maxStorageBufferBindingSize } = backend().device.limits;
    expect(running!.memory.tensorLimitBytes).toBe(Math.min(maxBufferSize!, maxStorageBufferBindingSize!));
    expect(running!.memory.tensorLimitBytes).toBeGreaterThanOrEqual(2 ** 27);
  });

  test("nothing of it stays in the global navigator, which would keep Node from ending", () => {
    expect((globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu).toBeUndefined();
  });

  test("a second start keeps the device", async () => {
    const { device } = backend();
    await startBackend("wasm");
    await startBackend("webgpu");
    expect(backend().device).toBe(device);
  });

  test("f16 is had where the device has it, and refused with its name where not; what ran before goes on", async ({
    skip,
  }) => {
    skip(
      backend().device.features.has("shader-f16"),
      "this one has it: webgpu-half-products.extra.ts is its test",
    );
    await startBackend("wasm");
    const refused = startBackend("webgpu", { precision: "f16" });
    await expect(refused).rejects.toMatchObject({
      code: "unsupported-precision",
      message: expect.stringMatching(/feature shader-f16; .+ does not have it\. Leave the precision at f32/),
    });
    await expect(refused).rejects.toThrow(running!.device);
    expect(tf.getBackend()).toBe("wasm");
    await startBackend("webgpu");
  });

  test("without a name it is never taken where a processor plays the card", async () => {
    expect(running!.isSoftware).toBe(/SwiftShader|llvmpipe/i.test(running!.device));
    // Asked of the card itself: the system's devices would keep a machine without one from ever coming here.
    expect(await hasGraphicsCard()).toBe(!running!.isSoftware);
    if (running!.isSoftware) expect((await candidateBackends()).names).not.toContain("webgpu");
  });

  test("a command that is not valid fails the next read, and only that", async () => {
    const { device } = backend();
    const create = () => device.createBuffer({ size: 2 ** 50, usage: 128 });
    const read = () => {
      const y = tf.tidy(() => tf.add(tf.tensor1d([1, 2]), 1));
      return y.data().finally(() => y.dispose());
    };
    create();
    await expect(read()).rejects.toMatchObject({ code: "device-error" });
    expect([...(await read())]).toEqual([2, 3]);
  });

  test("a tensor above the limit fails the read of what was made with it", async () => {
    const length = running!.memory.tensorLimitBytes! / 4 + 1024;
    const y = tf.tidy(() => tf.sum(tf.fill([length], 1)));
    await expect(y.data()).rejects.toMatchObject({ code: "device-error" });
    y.dispose();
  });

  test("dataSync says what to write instead", () => {
    const y = tf.tidy(() => tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])));
    expect(() => y.dataSync()).toThrowError(/await tensor\.data\(\)/);
    y.dispose();
  });

  test("a cache that grows by a row at each of 500 tokens stays in the store's budget", async () => {
    const width = 1024;
    let cache = tf.zeros([1, width]) as tf.Tensor2D;
    let most = 0;
    for (let token = 0; token < 500; token++) {
      const grown = tf.tidy(() => tf.concat2d([cache, tf.fill([1, width], token) as tf.Tensor2D], 0));
      cache.dispose();
      cache = grown;
      if (token % 25 === 0) {
        const sum = tf.tidy(() => tf.sum(cache));
        await sum.data();
        sum.dispose();
      }
      most = Math.max(most, backend().bufferManager.numBytesAllocated - backend().bufferManager.numBytesUsed);
    }
    // Kept without a bound they would be 500 · 501 / 2 rows of 4 KiB: 490 MiB.
    expect(most).toBeLessThanOrEqual(freeBytesKept);
    const last = tf.tidy(() => tf.slice2d(cache, [500, 0], [1, 1]));
    expect((await last.data())[0]).toBe(499);
    tf.dispose([cache, last]);
  });
});
