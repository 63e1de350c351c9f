/** The budget that a backend states, checked before anything is read. */
import { startBackend } from "@amulet-ts/backends";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { loadModel } from "../src/index.js";
import { place } from "./formats/checkpoint-writer.js";
import { tinyLlamaFile } from "./tiny-llama.js";

beforeAll(() => startBackend("wasm"));

const roomy = { limitBytes: 2 ** 40, matrixCopies: 1 };
/** Its largest tensors are the embedding and the head, 260 tokens of width 8. */
const largest = 260 * 8 * 4;

async function load(memory: Parameters<typeof loadModel>[1] & object) {
  const before = tf.memory().numTensors;
  try {
    (await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }), memory)).dispose();
  } finally {
    expect(tf.memory().numTensors, "tensors left behind").toBe(before);
  }
}

test("a tensor that is exactly as large as the limit is loaded", async () => {
  await load({ memory: { ...roomy, tensorLimitBytes: largest } });
});

test("one byte less, and the error names the tensor, before anything is loaded", async () => {
  const loading = load({
    memory: { ...roomy, tensorLimitBytes: largest - 1 },
    onProgress: () => expect.unreachable("a tensor was read"),
  });
  await expect(loading).rejects.toMatchObject({
    code: "not-enough-memory",
    message: expect.stringContaining("embedding_VD is one tensor"),
  });
});

test("packed copies count: what fits once does not fit twice", async () => {
  const elements = 260 * 8 + 2 * (2 * 8 + 64 + 32 + 32 + 64 + 3 * 96) + 8 + 260 * 8;
  const limitBytes = 4 * elements + 256 * 2 ** 20;
  await load({ memory: { limitBytes, matrixCopies: 1 } });
  await expect(load({ memory: { limitBytes, matrixCopies: 2 } })).rejects.toMatchObject({
    code: "not-enough-memory",
    message: expect.stringContaining("2 times"),
  });
  await expect(load({ memory: { limitBytes: limitBytes - 1, matrixCopies: 1 } })).rejects.toMatchObject({
    code: "not-enough-memory",
  });
});
