/** config.json and model.safetensors.index.json, damaged: a clear error or a correct load, nothing else. */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { FilesError, openCheckpoint } from "@amulet-ts/files";
import { place } from "@amulet-ts/testing/files/checkpoint-writer";
import { mutate } from "@amulet-ts/testing/files/json-mutations";
import { tinyConfig, tinyFolder, tinyIndex } from "@amulet-ts/testing/models/tiny-folder";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { ModelError } from "../src/errors.js";
import { loadModel } from "../src/index.js";
import { planModel } from "../src/loading/plan-model.js";

const mutations = 1000;
/** Only a guard against hanging; a mutation takes a few milliseconds. */
const hang = 10_000;

/** Writes the tiny folder; gives its path. */
const placeModel = async () => dirname(await place(tinyFolder()));

type Verdict = "loaded" | "refused" | { readonly problem: string };

/** What became of it; anything but a load and a clear error is a problem. */
async function judge(load: () => Promise<void>): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it hangs")), hang);
  });
  try {
    await Promise.race([load(), late]);
    return "loaded";
  } catch (error) {
    const isTyped = error instanceof ModelError || error instanceof FilesError;
    const clear = isTyped && error.message.length > 20 && error.message.length < 3000;
    return clear ? "refused" : { problem: error instanceof Error ? (error.stack ?? "") : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

async function planOnly(folder: string): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  try {
    planModel(checkpoint);
  } finally {
    await checkpoint.store.close();
  }
}

async function loadAndStep(folder: string): Promise<void> {
  using model = await loadModel(folder);
  using session = model.openTensorSession(1);
  const logits_BV = session.append([[1, 2, 3]]);
  expect(logits_BV.shape).toEqual([1, 288]);
  logits_BV.dispose();
}

describe("damaged", () => {
  beforeAll(async () => {
    await startBackend("cpu");
  });

  test("config.json, 1,000 times: a clear error or a model that steps, no tensor left", async () => {
    const folder = await placeModel();
    expect(await judge(() => loadAndStep(folder))).toBe("loaded");
    const before = tf.memory().numTensors;
    const verdicts: Verdict[] = [];
    for (let seed = 0; seed < mutations; seed++) {
      await writeFile(join(folder, "config.json"), mutate(tinyConfig, seed));
      const verdict = await judge(() => loadAndStep(folder));
      expect({ seed, verdict }).toEqual({ seed, verdict: expect.stringMatching(/loaded|refused/) });
      verdicts.push(verdict);
    }
    expect(tf.memory().numTensors).toBe(before);
    for (const kind of ["loaded", "refused"])
      expect(verdicts.filter((verdict) => verdict === kind).length, kind).toBeGreaterThan(100);
  });

  test("model.safetensors.index.json, 2,000 times: a clear error, or tensors of the shapes asked for", async () => {
    const folder = await placeModel();
    const path = join(folder, "model.safetensors.index.json");
    const index = JSON.parse(JSON.stringify(tinyIndex()));
    const verdicts: Verdict[] = [];
    for (let seed = 0; seed < mutations; seed++) {
      await writeFile(path, mutate(index, seed));
      const verdict = await judge(async () => {
        const { store } = await openCheckpoint(folder);
        for (const source of store.tensors.values()) await source.read();
        await store.close();
        await planOnly(folder);
      });
      expect({ seed, verdict }).toEqual({ seed, verdict: expect.stringMatching(/loaded|refused/) });
      verdicts.push(verdict);
    }
    for (const kind of ["loaded", "refused"])
      expect(verdicts.filter((verdict) => verdict === kind).length, kind).toBeGreaterThan(100);
  });
});

describe("a count that the tensors rule out is refused before a list of that length is made", () => {
  const wild = [1e9, 2 ** 31, 2 ** 53 - 1, 1e300];
  const counts = ["num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_size"] as const;
  /** A billion of anything is far above it, the noise of a test run far below. */
  const mostBytes = 64 * 2 ** 20;

  test.each(
    [
      "LlamaForCausalLM",
      "MistralForCausalLM",
      "Qwen2ForCausalLM",
      "Qwen3ForCausalLM",
      "Gemma3ForCausalLM",
    ].flatMap((architecture) => counts.map((key) => [architecture, key] as const)),
  )("%s: %s", async (architecture, key) => {
    const folder = await placeModel();
    for (const value of wild) {
      const hostile = {
        ...tinyConfig,
        architectures: [architecture],
        hidden_activation: "gelu_pytorch_tanh",
        [key]: value,
      };
      await writeFile(join(folder, "config.json"), JSON.stringify(hostile));
      const before = process.memoryUsage();
      expect(await judge(() => planOnly(folder))).toBe("refused");
      const after = process.memoryUsage();
      expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(mostBytes);
    }
  });

  test.each(["n_layer", "n_head", "n_embd"])("GPT2LMHeadModel: %s", async (key) => {
    const folder = await placeModel();
    const sizes = { n_layer: 2, n_head: 2, n_embd: 8, n_positions: 64, vocab_size: 288 };
    for (const value of wild) {
      await writeFile(
        join(folder, "config.json"),
        JSON.stringify({ architectures: ["GPT2LMHeadModel"], ...sizes, [key]: value }),
      );
      expect(await judge(() => planOnly(folder))).toBe("refused");
    }
  });
});
