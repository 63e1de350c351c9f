/** A tiny random checkpoint, pairs to ask it and settings to turn, for tests of whole runs. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { xoshiro128 } from "@amulet-ts/core";
import { loadModel, type Model } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { float32Tensor, uint32Entry, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import type { Pair } from "../src/index.js";
import { type CurvePlan, paperStrength } from "../src/index.js";

/** Loads the model before the tests of a file, and sees to it that each leaves no tensor. */
export function withTinyModel(contextLength = 64): { readonly folder: string; readonly model: Model } {
  const tiny = {} as { folder: string; model: Model };
  let tensors = 0;
  beforeAll(async () => {
    await tf.setBackend("cpu");
    tiny.folder = await mkdtemp(join(tmpdir(), "amulet-eval-"));
    await writeFile(join(tiny.folder, "tiny.gguf"), randomLlamaFile(contextLength));
    tiny.model = await loadModel(join(tiny.folder, "tiny.gguf"));
  });
  afterAll(async () => {
    tiny.model.dispose();
    await rm(tiny.folder, { recursive: true });
  });
  beforeEach(() => {
    tensors = tf.memory().numTensors;
  });
  afterEach(() => expect(tf.memory().numTensors).toBe(tensors));
  return tiny;
}

/** With random weights: those of the tiny Llama, sines, give some tokens logits that are equal but for rounding. */
function randomLlamaFile(contextLength: number): Buffer {
  const { entries, tensors } = tinyLlama();
  const random = xoshiro128(1);
  const drawn = tensors.map(({ name, shape }) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const value = () => (shape.length === 1 ? 1 : 2 * random() - 1);
    return float32Tensor(name, shape, Array.from({ length: size }, value));
  });
  const changed = entries.map((entry) =>
    entry[0] === "llama.context_length" ? uint32Entry(entry[0], contextLength) : entry,
  );
  return writeGguf({ entries: changed, tensors: drawn });
}

const questions = [
  "Why?",
  "How now?",
  "Who is it?",
  "When?",
  "Where to?",
  "What for?",
  "Is it so?",
  "How?",
  "If?",
];
const preferences = ["Be kind.", "Be brief."];
export const pairs: Pair[] = questions.flatMap((question) =>
  preferences.map((preference) => ({ question, preference })),
);

export const plan: CurvePlan = {
  strengths: [0, 1, 2, paperStrength],
  iterations: [0, 2, 60],
  exactIterations: [2, 60],
  budgets: [0, 0.1],
  ratios: [0, 1],
};
export const answering = { maxNewTokens: 6, temperature: 0, seed: 0 };
