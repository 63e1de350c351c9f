/** The same weights as other classes, versions and hands have saved them: the same logits. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { openCheckpoint } from "@amulet-ts/files";
import { loadModel } from "@amulet-ts/models";
import { joinSafetensors, place, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { distance, loadFixture, prefill, rewriteFolder } from "@amulet-ts/testing/reference/checkpoints";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

type Config = Record<string, unknown>;
type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

const ids = Array.from({ length: 20 }, (_, t) => (t * t * 31 + t * 13 + 5) % 288);

let before = 0;
beforeAll(() => startBackend("wasm"));
beforeEach(() => {
  before = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, "tensors left behind").toBe(before);
});

interface Rewriting {
  readonly config?: (config: Config) => Config;
  /** A tensor's other name; nothing where it is left out. */
  readonly rename?: (name: string) => string | undefined;
  /** Tensors without a number in them, beside the others. */
  readonly beside?: readonly string[];
  /** Changes the bytes of the data. */
  readonly damage?: (data: Buffer, header: Header) => void;
}

/** A copy of a fixture in other words; gives its path. */
async function respell(folder: string, { config, rename, beside, damage }: Rewriting): Promise<string> {
  const copy = await rewriteFolder(folder, config ? { "config.json": config } : {}, ["model.safetensors"]);
  const file = readFileSync(fixture(`checkpoints/${folder}/model.safetensors`));
  const end = 8 + Number(file.readBigUInt64LE());
  const { __metadata__, ...header } = JSON.parse(file.toString("utf8", 8, end));
  const data = Buffer.from(file.subarray(end));
  damage?.(data, header);
  const renamed = Object.entries(header as Header).map(([name, entry]) => [rename?.(name) ?? name, entry]);
  const empty = (beside ?? []).map((name) => [name, { dtype: "F32", shape: [0], data_offsets: [0, 0] }]);
  const whole = JSON.stringify({ __metadata__: null, ...Object.fromEntries([...renamed, ...empty]) });
  await writeFile(join(copy, "model.safetensors"), joinSafetensors(whole, data));
  return copy;
}

async function expectSameLogits(folder: string, rewriting: Rewriting): Promise<void> {
  using original = await loadFixture(folder);
  using respelt = await loadModel(await respell(folder, rewriting));
  expect(respelt.family).toBe(original.family);
  expect(distance(await prefill(respelt, ids), await prefill(original, ids))).toBe(0);
}

const load = async (folder: string, rewriting: Rewriting) => {
  using model = await loadModel(await respell(folder, rewriting));
  return model.family;
};

const bare = (name: string) => name.replace(/^(model|transformer)\./, "");

describe("names of tensors", () => {
  test.each(["qwen3", "qwen2", "llama-mha-untied", "mistral-sliding", "gemma3-text", "gpt2"])(
    "%s as its bare model has them, the head keeping its own",
    (folder) => expectSameLogits(folder, { rename: bare }),
  );

  test.each([
    ["language_model.model.…, as before transformers 4.52", (name: string) => `language_model.${name}`],
    ["model.language_model.…, as since", (name: string) => name.replace(/^model\./, "model.language_model.")],
    ["model.text_model.…, as SmolVLM", (name: string) => name.replace(/^model\./, "model.text_model.")],
    ["language_model.… before a bare model", (name: string) => `language_model.${bare(name)}`],
  ])("%s", (_, rename) => expectSameLogits("mistral-sliding", { rename }));

  test("a part that sees is left alone", () =>
    expectSameLogits("llama-gqa-tied", {
      rename: (name) => `language_model.${name}`,
      beside: [
        "vision_tower.encoder.layers.0.norm.weight",
        "multi_modal_projector.linear.weight",
        "model.visual.blocks.0.norm.weight",
        "model.connector.modality_projection.proj.weight",
        "model.image_newline",
      ],
    }));

  test("two spellings of one tensor are not one tensor", async () => {
    const twice = load("llama-gqa-tied", { beside: ["norm.weight", "stray.weight"] });
    await expect(twice).rejects.toThrow(/2 unexpected \(norm\.weight, stray\.weight\)/);
  });

  test("a tensor that many parameters share is missing once", async () => {
    const without = (name: string) =>
      /^model\.layers\.1\.self_attn\.[qk]_norm/.test(name) ? `x.${name}` : name;
    await expect(load("qwen3", { rename: without })).rejects.toThrow(
      /2 missing \(model\.layers\.1\.self_attn\.q_norm\.weight, model\.layers\.1\.self_attn\.k_norm\.weight\); 2 unexpected/,
    );
  });
});

describe("names of the architecture", () => {
  const rewritten = (put: Config) => ({ config: (config: Config) => ({ ...config, ...put }) });

  test.each([
    ["qwen3", undefined],
    ["qwen3", null],
    ["qwen3", []],
    ["qwen3", ["Qwen3Model"]],
    ["llama-gqa-tied", "LlamaForCausalLM"],
    ["llama-gqa-tied", ["LLaMAForCausalLM"]],
    ["mistral-sliding", ["MistralModel"]],
    ["gemma3-text", ["Gemma3TextModel"]],
    ["gpt2", ["GPT2Model"]],
    ["qwen2", [null]],
  ])("%s with architectures %j is found by its model_type", (folder, architectures) =>
    expectSameLogits(folder, rewritten({ architectures })),
  );

  test("without a model_type the architecture is enough", () =>
    expectSameLogits("qwen2", rewritten({ model_type: undefined })));

  test.each([
    [
      { architectures: undefined, model_type: undefined },
      /neither "architectures" nor "model_type".*LlamaForCausalLM/,
    ],
    [
      { architectures: ["PhiForCausalLM"], model_type: "phi" },
      /"PhiForCausalLM" \(model_type "phi"\); those.*qwen3/,
    ],
    [{ architectures: ["constructor"], model_type: "toString" }, /"constructor"/],
    [{ architectures: { a: 1 }, model_type: 7 }, /of the architecture object/],
  ])("%j is refused", async (put, message) => {
    const refused = load("qwen2", rewritten(put as Config));
    await expect(refused).rejects.toMatchObject({
      code: "unknown-architecture",
      message: expect.stringMatching(message),
    });
  });
});

describe("a model that sees, of which the text part is run", () => {
  const composite = (type: string, text: (config: Config) => Config) => (config: Config) => {
    const { architectures, tie_word_embeddings, ...own } = config;
    return {
      architectures: [type],
      model_type: "whole",
      text_config: text(own),
      vision_config: { hidden_size: 7 },
      eos_token_id: [1, 106],
    };
  };

  test("Gemma3ForConditionalGeneration, tied", () =>
    expectSameLogits("gemma3-text", {
      config: composite("Gemma3ForConditionalGeneration", (text) => text),
      rename: (name) => `language_model.${name}`,
      beside: ["vision_tower.vision_model.embeddings.position_embedding.weight"],
    }));

  test("Mistral3ForConditionalGeneration, with a head of its own", () =>
    expectSameLogits("mistral-sliding", {
      config: composite("Mistral3ForConditionalGeneration", (text) => text),
      rename: (name) => name.replace(/^model\./, "model.language_model."),
    }));

  test("sizes that the text part leaves out are Gemma 3's, and the file is measured by them", async () => {
    const sizes = [
      "hidden_size",
      "num_attention_heads",
      "num_key_value_heads",
      "vocab_size",
      "sliding_window",
    ];
    const config = composite("Gemma3ForConditionalGeneration", (text) =>
      Object.fromEntries(Object.entries(text).filter(([key]) => !sizes.includes(key))),
    );
    const rename = (name: string) => `language_model.${name}`;
    await expect(load("gemma3-text", { config, rename })).rejects.toThrow(/expected \[262208, 2304\]/);
  });

  test("an unknown text part is refused by the whole model's name", async () => {
    const config = composite("ShinyForConditionalGeneration", (text) => ({
      ...text,
      model_type: "shiny_text",
    }));
    await expect(load("llama-gqa-tied", { config })).rejects.toThrow(
      /"ShinyForConditionalGeneration" \(model_type "shiny_text"\)/,
    );
  });
});

describe("what is not computed is named", () => {
  test.each([
    ["llama-mha-untied", "attention_bias", true],
    ["llama-mha-untied", "mlp_bias", true],
    ["qwen3", "attention_bias", true],
    ["gemma3-text", "attention_bias", true],
    ["llama-gqa-tied", "partial_rotary_factor", 0.5],
    ["gpt2", "add_cross_attention", true],
  ])("%s: %s", async (folder, key, value) => {
    const refused = load(folder, { config: (config) => ({ ...config, [key]: value }) });
    await expect(refused).rejects.toMatchObject({
      code: "bad-config",
      message: expect.stringMatching(new RegExp(`"${key}" must be .*take another model.*it is ${value}`)),
    });
  });
});

describe("keys whose absence means something", () => {
  test("a Mistral without sliding_window has 7B v0.1's, one with null has none", async () => {
    const without = (config: Config) => ({ ...config, sliding_window: undefined });
    const none = (config: Config) => ({ ...config, sliding_window: null });
    using absent = await loadModel(await respell("mistral-sliding", { config: without }));
    using nothing = await loadModel(await respell("mistral-sliding", { config: none }));
    expect(absent.config).toMatchObject({ windows: [4096, 4096, 4096] });
    expect(nothing.config).toMatchObject({ windows: [1, 2, 3].map(() => Number.POSITIVE_INFINITY) });
  });
});

describe("weights that are no numbers", () => {
  const put = (name: string, index: number, value: number) => (data: Buffer, header: Header) => {
    data.writeFloatLE(value, header[name]!.data_offsets[0] + 4 * index);
  };

  test.each([
    [
      "lm_head.weight",
      5,
      Number.NaN,
      /lm_head\.weight of .* holds NaN \(number 5 of it\): the file is damaged/,
    ],
    [
      "model.embed_tokens.weight",
      17_000,
      Number.NaN,
      /model\.embed_tokens\.weight of .* holds NaN \(number 17000 of it\)/,
    ],
    [
      "model.layers.1.input_layernorm.weight",
      0,
      Number.POSITIVE_INFINITY,
      /input_layernorm\.weight of .* holds infinity/,
    ],
    [
      "model.layers.2.mlp.down_proj.weight",
      100,
      Number.NaN,
      /down_proj\.weight of .* holds NaN \(number 100/,
    ],
  ])("%s, number %i: %d", async (name, index, value, message) => {
    const damaged = load("llama-mha-untied", { damage: put(name, index, value) });
    await expect(damaged).rejects.toMatchObject({
      code: "bad-weights",
      message: expect.stringMatching(message),
    });
  });

  test("as they are stored, too", async () => {
    const scale = Buffer.alloc(18, 0x21);
    scale.writeUInt16LE(0x7e00);
    const { entries, tensors } = tinyLlama();
    const q4 = {
      name: "token_embd.weight",
      shape: [260, 32],
      type: 2,
      data: Buffer.concat([Buffer.alloc(100 * 18, 0x21), scale, Buffer.alloc(159 * 18, 0x21)]),
    };
    const path = await place({ "m.gguf": writeGguf({ entries, tensors: [q4, ...tensors.slice(1)] }) });
    const { store } = await openCheckpoint(path);
    const tensor = store.tensors.get("token_embd.weight")!;
    const message = /token_embd\.weight of .* holds NaN \(number 3200 of it\)/;
    await expect(tensor.readStored()).rejects.toThrow(message);
    await expect(tensor.readStored(100, 1)).rejects.toThrow(message);
    await expect(tensor.readRows(99, 2)).rejects.toThrow(message);
    expect((await tensor.readStored(101, 20)).bytes).toHaveLength(20 * 18);
    await store.close();
  });
});
