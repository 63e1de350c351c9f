/** libtensorflow on the processor, where `amulet doctor --setup-libtensorflow` has put it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/index.js";
import { isLibtensorflowHere } from "../../src/libtensorflow/load.js";

const here = isLibtensorflowHere("cpu");

describe.skipIf(!here)("node (skipped without libtensorflow: amulet doctor --setup-libtensorflow)", () => {
  beforeAll(async () => {
    const { name, memory, threads } = await startBackend("node");
    expect(name).toBe("node");
    expect(memory.limitBytes).toBeGreaterThan(2 ** 28);
    expect(threads).toBeGreaterThan(0);
  });

  test("it is libtensorflow that computes, on the processor", () => {
    expect(tf.getBackend()).toBe("tensorflow");
    expect((tf.backend() as unknown as { isUsingGpuDevice: boolean }).isUsingGpuDevice).toBe(false);
  });

  test("its tensors are our tensors, though it brings a TensorFlow.js of its own", () => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const x = tf.add(tf.tensor1d([1, 2]), 1);
      expect(x).toBeInstanceOf(tf.Tensor);
      const variable = tf.variable(x);
      expect(variable).toBeInstanceOf(tf.Variable);
      variable.dispose();
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  test("gradients are those of the reference, through kernels of both copies", async () => {
    const before = tf.memory().numTensors;
    const values = Float32Array.from({ length: 9 }, (_, i) => Math.sin(3 * i));
    const loss = (x: tf.Tensor) =>
      tf.sum(tf.mul(tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D), tf.sigmoid(x)));
    const gradientOn = async (backend: string) => {
      await startBackend(backend);
      const gradient = tf.tidy(() => tf.grad(loss)(tf.tensor2d(values, [3, 3])));
      const result = [...(await gradient.data())];
      gradient.dispose();
      return result;
    };
    const [reference, ours] = [await gradientOn("cpu"), await gradientOn("node")];
    // Sums of three products of numbers below 1, twice.
    for (const [i, value] of ours.entries())
      expect(Math.abs(value - reference[i]!)).toBeLessThan(20 * 2 ** -24);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("another libtensorflow beside it is refused, and this one goes on", async () => {
    await startBackend("node");
    await expect(startBackend("node-gpu")).rejects.toMatchObject({ code: "failed-start" });
    expect(tf.getBackend()).toBe("tensorflow");
  });

  test("it starts without a word: what is set from JavaScript reaches the library", async () => {
    const script = `
      import { startBackend } from "@amulet-ts/backends";
      import * as tf from "@tensorflow/tfjs-core";
      await startBackend("node");
      const y = tf.matMul(tf.ones([2, 3]), tf.ones([3, 1]));
      process.stdout.write(String([...(await y.data())]));
    `;
    const words = ["--input-type=module", "-e", script];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, words, {
      cwd: import.meta.dirname,
    });
    expect({ stdout, stderr }).toEqual({ stdout: "3,3", stderr: "" });
  });

  test("it starts on Node 23, which has no util.isNullOrUndefined", async () => {
    const script = `
      import util from "node:util";
      delete util.isNullOrUndefined;
      import("@amulet-ts/backends").then(async ({ startBackend }) => {
        await startBackend("node");
        const tf = await import("@tensorflow/tfjs-core");
        process.stdout.write(String([...(await tf.concat([tf.ones([1]), tf.ones([1])]).data())]));
      });
    `;
    const words = ["--input-type=module", "-e", script];
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: import.meta.dirname });
    expect(stdout).toBe("1,1");
  });
});
