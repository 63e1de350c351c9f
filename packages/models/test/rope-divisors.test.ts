import { startBackend } from "@amulet-ts/backends";
import {
  type Entry,
  f32,
  float32Tensor,
  place,
  stringEntry,
  writeGguf,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { loadModel } from "../src/index.js";

beforeAll(() => startBackend("wasm"));
afterEach(() => {
  vi.restoreAllMocks();
});

const ids = [3, 1, 4, 1, 5, 9, 2, 6];

async function logitsOf(entries: readonly Entry[], divisors: readonly number[]): Promise<number[]> {
  const file = tinyLlama();
  const tensors = divisors.length > 0 ? [float32Tensor("rope_freqs.weight", [2], [...divisors])] : [];
  const gguf = { entries: [...file.entries, ...entries], tensors: [...file.tensors, ...tensors] };
  using model = await loadModel(await place({ "model.gguf": writeGguf(gguf) }));
  using session = model.openSession(1);
  const logits_BV = session.append([ids]);
  const values = [...(await logits_BV.data())];
  logits_BV.dispose();
  return values;
}

const linear = (factor: number): Entry[] => [
  stringEntry("llama.rope.scaling.type", "linear"),
  ["llama.rope.scaling.factor", 6, f32(factor)],
];

test("divisors that are all alike are linear scaling, to the bit", async () => {
  const before = tf.memory().numTensors;
  const divided = await logitsOf([], [4, 4]);
  expect(divided).toEqual(await logitsOf(linear(4), []));
  expect(divided).not.toEqual(await logitsOf([], []));
  expect(divided).not.toEqual(await logitsOf([], [1, 4]));
  expect(tf.memory().numTensors).toBe(before);
});

test("no tensor is read at once: webgpu could not give its numbers", async () => {
  const refuse = () => {
    throw new Error("this backend has no synchronous read");
  };
  vi.spyOn(tf.engine(), "readSync").mockImplementation(refuse);
  expect((await logitsOf([], [1, 4])).every(Number.isFinite)).toBe(true);
});
