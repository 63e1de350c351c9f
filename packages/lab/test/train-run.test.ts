/** A training run as a whole: what it promises of its curve, its checkpoints and the model that it leaves. */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { encodeSafetensors, openSafetensors } from "@amulet-ts/files";
import { type RunResult, runTraining } from "@amulet-ts/lab";
import { defineModel, emptyCache, loadModel } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RunOptions } from "../src/train/run-training.js";
import { readWeights } from "../src/train/save-model.js";
import { makeFolder, tinyCorpus, tinySettings } from "./tiny-run.js";

let tensorsBefore = 0;
beforeAll(() => startBackend("wasm"));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => expect(tf.memory().numTensors).toBe(tensorsBefore));

function train(folder: string, more: Partial<RunOptions> = {}): Promise<RunResult> {
  return runTraining({
    folder,
    corpus: tinyCorpus,
    settings: tinySettings,
    saveEvery: 7,
    validateEvery: 10,
    ...more,
  });
}

/** Trains until `step`, as Ctrl-C would end it. */
async function trainUntil(step: number, folder: string, more: Partial<RunOptions> = {}): Promise<void> {
  const interrupt = new AbortController();
  const onStep: RunOptions["onStep"] = (progress) => progress.step === step && interrupt.abort();
  await expect(train(folder, { signal: interrupt.signal, onStep, ...more })).rejects.toMatchObject({
    name: "CoreError",
    code: "aborted",
  });
}

const losses = (folder: string) => readFile(join(folder, "losses.jsonl"), "utf8");
const weights = (folder: string) => readFile(join(folder, "model/model.safetensors"));

describe("a run is a function of its settings", () => {
  it("the same seed gives the same curve and the same model, another seed another one", async () => {
    const [first, second, other] = [await makeFolder(), await makeFolder(), await makeFolder()];
    await train(first);
    await train(second);
    await train(other, { settings: { ...tinySettings, seed: 4 } });
    expect(await losses(second)).toBe(await losses(first));
    expect(await weights(second)).toEqual(await weights(first));
    expect(await losses(other)).not.toBe(await losses(first));
  });

  it("20 steps are 10 and, resumed, 10 more, bit for bit", async () => {
    const [whole, parts] = [await makeFolder(), await makeFolder()];
    const done = await train(whole);
    await trainUntil(10, parts);
    expect(await losses(parts)).toMatch(/"step":10,[^\n]*\n$/);
    const resumed = await train(parts, { resume: true });
    expect(resumed).toMatchObject({ stepsDone: 20, validationLoss: done.validationLoss });
    expect(await losses(parts)).toBe(await losses(whole));
    expect(await weights(parts)).toEqual(await weights(whole));
  });

  it("what was logged after the last checkpoint of a run that was killed is dropped and done again", async () => {
    const [whole, killed] = [await makeFolder(), await makeFolder()];
    await train(whole);
    const save = join(killed, "checkpoint.safetensors");
    await trainUntil(10, killed);
    const old = await readFile(save);
    await trainUntil(12, killed, { resume: true });
    await writeFile(save, old);
    await writeFile(join(killed, "losses.jsonl"), `${await losses(killed)}{"step":13,"lo`);
    await train(killed, { resume: true });
    expect(await losses(killed)).toBe(await losses(whole));
  });

  it("leaves whole files alone", async () => {
    const folder = await makeFolder();
    await train(folder);
    expect((await readdir(folder)).sort()).toEqual(["checkpoint.safetensors", "losses.jsonl", "model"]);
    expect((await readdir(join(folder, "model"))).sort()).toEqual([
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
  });
});

describe("the model that a run leaves", () => {
  it("is read by the ordinary loader, which computes what the trainer computes with its weights", async () => {
    const folder = await makeFolder();
    const { modelFolder } = await train(folder);
    using model = await loadModel(modelFolder, { weights: "float32" });
    const ids = model.renderChat([{ role: "user", content: "How do I make tea?" }]).ids;
    using session = model.openTensorSession(1);
    const loaded = session.append([ids]);
    const own = await trainersLogits(modelFolder, ids);
    expect(model.family).toBe("llama");
    expect(await own.array()).toEqual(await loaded.array());
    tf.dispose([loaded, own]);
  });

  it("has learnt: 50 steps take the validation loss below 1.2 nats, from above 5", async () => {
    const folder = await makeFolder();
    const schedule = { ...tinySettings.schedule, steps: 50, peak: 3e-2 };
    const result = await train(folder, { settings: { ...tinySettings, rows: 8, schedule } });
    const [first] = (await losses(folder)).split("\n");
    expect(JSON.parse(first!).loss).toBeGreaterThan(5);
    expect(result.validationLoss).toBeLessThan(1.2);
  });
});

async function trainersLogits(folder: string, ids: readonly number[]): Promise<tf.Tensor> {
  const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
  const definition = defineModel(config);
  const saved = await readWeights(folder);
  const logits = tf.tidy(() => {
    const pass = definition.bind(saved);
    const batch = { ids_N: Int32Array.from(ids), lengths: [ids.length] };
    const { states_ND } = pass.forward(batch, [emptyCache(definition.config.blockCount)]);
    return tf.slice(pass.head(states_ND), [ids.length - 1, 0]);
  });
  tf.dispose([...saved.values()]);
  return logits;
}

type Tensors = Map<string, { shape: readonly number[]; values: Float32Array }>;
type Change = (tensors: Tensors, training: string) => string;

const damages: { what: string; change: Change; says: RegExp }[] = [
  {
    what: "tensor is absent",
    change: (tensors, text) => {
      for (const kind of ["weight", "first", "second"]) tensors.delete(`${kind}/model.norm.weight`);
      return text;
    },
    says: /weight\/model\.norm\.weight is missing/,
  },
  {
    what: "running mean has another shape",
    change: (tensors, text) => {
      tensors.set("second/model.norm.weight", { shape: [2], values: new Float32Array(2) });
      return text;
    },
    says: /second\/model\.norm\.weight has shape \[2\] in place of \[8\]/,
  },
  {
    what: "tensors are of another model",
    change: (tensors, text) => {
      tensors.set("weight/odd", { shape: [2], values: new Float32Array(2) });
      return text;
    },
    says: /odd is no tensor of the run's model/,
  },
  { what: "record is no JSON", change: () => "{", says: /JSON/ },
  {
    what: "settings lack the rows",
    change: (_, text) => text.replace('"rows":4,', ""),
    says: /its record of the run is damaged\. Remove /,
  },
];

async function rewrite(path: string, change: Change): Promise<void> {
  const file = await openSafetensors(path);
  const tensors: Tensors = new Map();
  for (const [name, source] of file.tensors) {
    tensors.set(name, { shape: source.shape, values: (await source.read()) as Float32Array });
  }
  const training = change(tensors, file.metadata.get("training")!);
  await file.close();
  await writeFile(path, encodeSafetensors(tensors, "F32", { training }));
}

describe("what cannot be done is refused", () => {
  it("a folder that holds a run already", async () => {
    const folder = await makeFolder();
    await trainUntil(1, folder);
    await expect(train(folder)).rejects.toMatchObject({
      code: "run-exists",
      message: expect.stringContaining("--resume"),
    });
  });

  it.each(["losses.jsonl", "model/tokenizer.json"])("a folder with a %s of someone else's", async (name) => {
    const folder = await makeFolder();
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), "mine");
    await expect(train(folder)).rejects.toMatchObject({ code: "run-exists" });
    expect(await readFile(join(folder, name), "utf8")).toBe("mine");
  });

  it("a folder that is a file", async () => {
    const path = join(await makeFolder(), "file");
    await writeFile(path, "mine");
    await expect(train(join(path, "run"))).rejects.toMatchObject({ code: "bad-folder" });
  });

  it("going on with a log that cannot be read, which is not an empty one", async () => {
    const folder = await makeFolder();
    await trainUntil(1, folder);
    await rm(join(folder, "losses.jsonl"));
    await mkdir(join(folder, "losses.jsonl"));
    await expect(train(folder, { resume: true })).rejects.toMatchObject({
      name: "FilesError",
      message: expect.stringMatching(/losses\.jsonl can't be read: it is a folder \(EISDIR\)\./),
    });
  });

  it("going on from nothing, from a damaged checkpoint, from one of another kind", async () => {
    const folder = await makeFolder();
    await expect(train(folder, { resume: true })).rejects.toMatchObject({
      code: "bad-checkpoint",
      message: expect.stringContaining("There is no training run to go on from"),
    });
    await trainUntil(1, folder);
    const save = join(folder, "checkpoint.safetensors");
    const whole = await readFile(save);
    await writeFile(save, whole.subarray(0, whole.length - 1));
    await expect(train(folder, { resume: true })).rejects.toMatchObject({ code: "bad-checkpoint" });
    // Whole, but of numbers that no weights are: found while its tensors are read.
    await writeFile(save, Buffer.from(whole.toString("latin1").replace('"F32"', '"I32"'), "latin1"));
    await expect(train(folder, { resume: true })).rejects.toMatchObject({ code: "bad-checkpoint" });
    const other = join(await makeFolder(), "model");
    await train(join(other, ".."));
    await writeFile(save, await readFile(join(other, "model.safetensors")));
    await expect(train(folder, { resume: true })).rejects.toMatchObject({
      code: "bad-checkpoint",
      message: expect.stringContaining("says nothing of a training run"),
    });
  });

  it.each(damages)("going on from a checkpoint whose $what", async ({ change, says }) => {
    const folder = await makeFolder();
    await trainUntil(1, folder);
    const save = join(folder, "checkpoint.safetensors");
    await rewrite(save, change);
    await expect(train(folder, { resume: true })).rejects.toMatchObject({
      code: "bad-checkpoint",
      message: expect.stringMatching(says),
    });
  });

  it.each([1, 7])(
    "a learning rate that makes the loss no number; saving every %i steps",
    async (saveEvery) => {
      const folder = await makeFolder();
      const settings = { ...tinySettings, schedule: { ...tinySettings.schedule, peak: 1e30 } };
      await expect(train(folder, { settings, saveEvery })).rejects.toMatchObject({ code: "diverged" });
      expect(await readdir(folder)).toEqual(["losses.jsonl"]);
    },
  );

  it("a last step that makes the loss no number: no model is left", async () => {
    const folder = await makeFolder();
    const settings = { ...tinySettings, schedule: { ...tinySettings.schedule, steps: 1, peak: 1e30 } };
    await expect(train(folder, { settings })).rejects.toMatchObject({ code: "diverged" });
    expect(await readdir(folder)).toEqual(["losses.jsonl"]);
  });

  it("an example that the model could not read", async () => {
    const settings = { ...tinySettings, shape: { ...tinySettings.shape, max_position_embeddings: 8 } };
    await expect(train(await makeFolder(), { settings })).rejects.toMatchObject({ code: "too-long" });
  });

  it("no steps", async () => {
    const settings = { ...tinySettings, schedule: { ...tinySettings.schedule, steps: 0 } };
    await expect(train(await makeFolder(), { settings })).rejects.toMatchObject({ code: "bad-settings" });
  });
});
