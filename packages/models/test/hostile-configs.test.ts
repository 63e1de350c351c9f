/** config.json and model.safetensors.index.json, damaged: a clear error or a correct load, nothing else. */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { openCheckpoint } from "../src/checkpoint.js";
import { ModelError } from "../src/errors.js";
import { openShardedSafetensors } from "../src/formats/sharded-safetensors.js";
import { loadModel } from "../src/load-model.js";
import { planModel } from "../src/plan-model.js";
import { f32, place, type WrittenShard, writeSafetensors } from "./formats/checkpoint-writer.js";
import { mutate } from "./json-mutations.js";
import { tinyTokenizerConfig, tinyTokenizerJson } from "./tokenizer/tiny-tokenizer.js";

const mutations = 2000;
/** Only a guard against hanging; a mutation takes a few milliseconds. */
const hang = 10_000;

const config = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  eos_token_id: [2],
  head_dim: 4,
  hidden_act: "silu",
  hidden_size: 8,
  intermediate_size: 12,
  max_position_embeddings: 64,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  num_key_value_heads: 1,
  rms_norm_eps: 1e-6,
  rope_scaling: {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 32,
  },
  rope_theta: 10_000,
  tie_word_embeddings: true,
  vocab_size: 288,
};

/** A tensor of small numbers. */
function tensor(...shape: number[]): WrittenShard[string] {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return { dtype: "F32", shape, data: f32(...Array.from({ length: size }, (_, i) => Math.sin(i))) };
}

function block(index: number): WrittenShard {
  const tensors = {
    "input_layernorm.weight": tensor(8),
    "self_attn.q_proj.weight": tensor(8, 8),
    "self_attn.k_proj.weight": tensor(4, 8),
    "self_attn.v_proj.weight": tensor(4, 8),
    "self_attn.o_proj.weight": tensor(8, 8),
    "post_attention_layernorm.weight": tensor(8),
    "mlp.gate_proj.weight": tensor(12, 8),
    "mlp.up_proj.weight": tensor(12, 8),
    "mlp.down_proj.weight": tensor(8, 12),
  };
  return Object.fromEntries(
    Object.entries(tensors).map(([name, value]) => [`model.layers.${index}.${name}`, value]),
  );
}

const ends = { "model.embed_tokens.weight": tensor(288, 8), "model.norm.weight": tensor(8) };

/** A tiny Llama in two files; gives its folder. */
async function placeModel(): Promise<string> {
  const shards = { "one.safetensors": { ...block(0), ...ends }, "two.safetensors": block(1) };
  const path = await place({
    "config.json": JSON.stringify(config),
    "tokenizer.json": JSON.stringify(tinyTokenizerJson()),
    "tokenizer_config.json": JSON.stringify(tinyTokenizerConfig()),
    "model.safetensors.index.json": JSON.stringify(indexOf(shards)),
    ...Object.fromEntries(Object.entries(shards).map(([name, shard]) => [name, writeSafetensors(shard)])),
  });
  return dirname(path);
}

function indexOf(shards: Readonly<Record<string, WrittenShard>>) {
  const entries = Object.entries(shards).flatMap(([file, shard]) =>
    Object.keys(shard).map((name) => [name, file]),
  );
  return { metadata: { total_size: 1 }, weight_map: Object.fromEntries(entries) };
}

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
    const clear = error instanceof ModelError && error.message.length > 20 && error.message.length < 3000;
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
  using session = model.openSession(1);
  const logits_BV = session.append([[1, 2, 3]]);
  expect(logits_BV.shape).toEqual([1, 288]);
  logits_BV.dispose();
}

describe("damaged", () => {
  beforeAll(async () => {
    await startBackend("cpu");
  });

  test("config.json, 2,000 times: a clear error or a model that steps, no tensor left", async () => {
    const folder = await placeModel();
    expect(await judge(() => loadAndStep(folder))).toBe("loaded");
    const before = tf.memory().numTensors;
    const verdicts: Verdict[] = [];
    for (let seed = 0; seed < mutations; seed++) {
      await writeFile(join(folder, "config.json"), mutate(config, seed));
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
    const index = JSON.parse(
      JSON.stringify(indexOf({ "one.safetensors": { ...block(0), ...ends }, "two.safetensors": block(1) })),
    );
    const verdicts: Verdict[] = [];
    for (let seed = 0; seed < mutations; seed++) {
      await writeFile(path, mutate(index, seed));
      const verdict = await judge(async () => {
        const store = await openShardedSafetensors(path);
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
        ...config,
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
