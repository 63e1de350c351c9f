/** The model that ships: what its card says of it is so. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { openTokenizer } from "@amulet-ts/files";
import { readTrainingRecord, sampleExamples } from "@amulet-ts/lab";
import { defineModel, loadModel } from "@amulet-ts/models";
import { oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { TokenExample } from "../src/train/batches.js";
import { describeModel } from "../src/train/model-card.js";
import { pauseUntil } from "../src/train/pause.js";
import { readWeights } from "../src/train/save-model.js";
import { meanLoss } from "../src/train/trainer.js";
import { batchesOf, fillerOf, validationSet } from "../src/train/training-data.js";

const config = async () => JSON.parse(await readFile(join(embeddedModelFolder, "config.json"), "utf8"));

async function heldExamples(count: number): Promise<{ examples: TokenExample[]; filler: number }> {
  const text = await openTokenizer(embeddedModelFolder);
  const { max_position_embeddings } = await config();
  const examples = await validationSet(sampleExamples, text, max_position_embeddings, pauseUntil(), count);
  return { examples, filler: fillerOf(text) };
}

/** What the trainer measures, on the running backend. */
async function trainersLoss(count: number): Promise<number> {
  const weights = await readWeights(embeddedModelFolder);
  const { examples, filler } = await heldExamples(count);
  const loss = await meanLoss(
    defineModel(await config()),
    weights,
    batchesOf(examples, 8, filler),
    pauseUntil(),
  );
  tf.dispose([...weights.values()]);
  return loss;
}

/** The same by nested loops in float64, row by row. */
async function oraclesLoss(count: number): Promise<number> {
  const weights = await readWeights(embeddedModelFolder);
  const plain = new Map(
    [...weights].map(([name, x]) => [name, { shape: x.shape, data: Float64Array.from(x.dataSync()) }]),
  );
  tf.dispose([...weights.values()]);
  const shape = await config();
  const { examples } = await heldExamples(count);
  const losses = examples.flatMap(({ prompt, answer }) => {
    const logits = oracles.llamaLogits(shape, plain, [...prompt, ...answer.slice(0, -1)]);
    return answer.map((token, i) => surprise(logits[prompt.length - 1 + i]!, token));
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** −log π(token), in nats. */
function surprise(logits: Float64Array, token: number): number {
  const most = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  return most + Math.log(total) - logits[token]!;
}

describe("the model that ships", () => {
  beforeAll(async () => {
    await startBackend("wasm");
  });

  it("has the loss on a sample of the validation set that the float64 oracle has, to 1e-4 nats", async () => {
    const before = tf.memory().numTensors;
    const loss = await trainersLoss(8);
    expect(Math.abs(loss - (await oraclesLoss(8)))).toBeLessThan(1e-4);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("has the validation loss that its card states, on another backend than it was trained on", async () => {
    const record = await readTrainingRecord(embeddedModelFolder);
    // Rounded differently, summed over about 15,000 tokens: the mean moves by a few units in the seventh digit.
    expect(Math.abs((await trainersLoss(256)) - record!.validationLoss)).toBeLessThan(1e-5);
  });

  it("is small: at most 5 MB with all its files, between 0.5 and 3 million parameters", async () => {
    const files = [
      "config.json",
      "tokenizer.json",
      "tokenizer_config.json",
      "model.safetensors",
      "README.md",
    ];
    const sizes = await Promise.all(files.map((name) => stat(join(embeddedModelFolder, name))));
    expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(5e6);
    using model = await loadModel(embeddedModelFolder);
    expect(model.family).toBe("llama");
    expect(model.parameterCount).toBeGreaterThan(5e5);
    expect(model.parameterCount).toBeLessThan(3e6);
  });

  it("has the card of its record", async () => {
    const record = await readTrainingRecord(embeddedModelFolder);
    const card = await readFile(join(embeddedModelFolder, "README.md"), "utf8");
    expect(card).toBe(describeModel(record!));
  });
});
