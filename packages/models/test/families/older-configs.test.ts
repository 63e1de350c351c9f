/** Checkpoints in the wild have older configs than the fixtures: the same model in other words gives the same logits. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { openSafetensors } from "@amulet-ts/files";
import { loadModel } from "@amulet-ts/models";
import { f32, writeSafetensors } from "@amulet-ts/testing/files/checkpoint-writer";
import {
  distance,
  loadFixture,
  loadRewritten,
  prefill,
  rewriteFolder,
} from "@amulet-ts/testing/reference/checkpoints";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import { beforeAll, describe, expect, test } from "vitest";

type Config = Record<string, unknown>;

/** Takes keys away and sets others. */
function rewrite(config: Config, without: readonly string[], put: Config = {}): Config {
  const kept = Object.entries(config).filter(([key]) => !without.includes(key));
  return { ...Object.fromEntries(kept), ...put };
}

const newKeys = ["rope_parameters", "layer_types", "_sliding_window_pattern", "transformers_version"];
const defaults = [
  "tie_word_embeddings",
  "attention_bias",
  "attn_logit_softcapping",
  "final_logit_softcapping",
];
const llama3Scaling = {
  factor: 8,
  high_freq_factor: 4,
  low_freq_factor: 1,
  original_max_position_embeddings: 32,
};

const olderConfigs: readonly (readonly [style: string, folder: string, older: (config: Config) => Config])[] =
  [
    [
      "rope_theta, no head_dim",
      "llama-gqa-tied",
      (c) => rewrite(c, [...newKeys, "head_dim"], { rope_theta: 100_000, rope_scaling: null }),
    ],
    [
      "nothing that has a default",
      "llama-mha-untied",
      (c) => rewrite(c, [...newKeys, ...defaults, "head_dim", "num_key_value_heads"]),
    ],
    [
      "rope_scaling with rope_type",
      "llama3-rope-scaling",
      (c) =>
        rewrite(c, newKeys, { rope_theta: 500_000, rope_scaling: { rope_type: "llama3", ...llama3Scaling } }),
    ],
    [
      "rope_scaling with type",
      "llama3-rope-scaling",
      (c) => rewrite(c, newKeys, { rope_theta: 500_000, rope_scaling: { type: "llama3", ...llama3Scaling } }),
    ],
    [
      "rope_theta inside rope_scaling",
      "llama3-rope-scaling",
      (c) =>
        rewrite(c, newKeys, {
          rope_theta: 7,
          rope_scaling: { rope_type: "llama3", rope_theta: 500_000, ...llama3Scaling },
        }),
    ],
    ["rope_theta", "mistral-sliding", (c) => rewrite(c, [...newKeys, ...defaults], { rope_theta: 10_000 })],
    [
      "a window that is switched off",
      "qwen2",
      (c) => rewrite(c, newKeys, { rope_theta: 1_000_000, sliding_window: 3, max_window_layers: 0 }),
    ],
    [
      "a window that is switched off",
      "qwen3",
      (c) => rewrite(c, newKeys, { rope_theta: 1_000_000, sliding_window: 3, max_window_layers: 0 }),
    ],
    [
      "sliding_window_pattern and rope_local_base_freq",
      "gemma3-text",
      (c) =>
        rewrite(c, [...newKeys, ...defaults], {
          rope_theta: 1_000_000,
          rope_local_base_freq: 10_000,
          rope_scaling: null,
          sliding_window_pattern: 2,
        }),
    ],
    ["no key that has a default", "gpt2", (c) => rewrite(c, [...defaults, "n_inner", "activation_function"])],
  ];

/** Long enough to reach past windows and the original context of the scaled rotations. */
const ids = Array.from({ length: 40 }, (_, t) => (t * t * 31 + t * 13 + 5) % 288);

describe("older checkpoints", () => {
  beforeAll(async () => {
    await startBackend("wasm");
  });

  test.each(olderConfigs)("%s: %s gives the same logits", async (_, folder, older) => {
    using original = await loadFixture(folder);
    using rewritten = await loadRewritten(folder, { "config.json": older });
    expect(distance(await prefill(rewritten, ids), await prefill(original, ids))).toBe(0);
  });

  test("a window that is switched on holds for the blocks above max_window_layers", async () => {
    const sliding = (layers: number) => (c: Config) =>
      rewrite(c, newKeys, {
        rope_theta: 1_000_000,
        sliding_window: 3,
        max_window_layers: layers,
        use_sliding_window: true,
      });
    using full = await loadFixture("qwen2");
    using none = await loadRewritten("qwen2", { "config.json": sliding(3) });
    using last = await loadRewritten("qwen2", { "config.json": sliding(2) });
    const expected = await prefill(full, ids);
    expect(distance(await prefill(none, ids), expected)).toBe(0);
    const windowed = await prefill(last, ids);
    expect(distance(windowed.slice(0, 3), expected.slice(0, 3))).toBe(0);
    expect(distance(windowed.slice(3), expected.slice(3))).toBeGreaterThan(0.1);
  });

  test("every end-of-turn id of generation_config.json ends a turn", async () => {
    const several = (c: Config) => rewrite(c, [], { eos_token_id: [2, 7, 9] });
    using model = await loadRewritten("llama-gqa-tied", { "generation_config.json": several });
    expect([...model.endTokens].sort()).toEqual([2, 7, 9]);
  });

  test("a GPT-2 of bare names, with its causal masks stored, gives the same logits", async () => {
    const store = await openSafetensors(fixture("checkpoints/gpt2/model.safetensors"));
    const mask = { dtype: "F32", shape: [1, 1, 2, 2], data: f32(1, 0, 1, 1) };
    const tensors = Object.fromEntries(
      await Promise.all(
        [...store.tensors].map(async ([name, tensor]) => [
          name.replace("transformer.", ""),
          { dtype: "F32", shape: tensor.shape, data: f32(...(await tensor.read())) },
        ]),
      ),
    );
    await store.close();
    const folder = await rewriteFolder("gpt2", {}, ["model.safetensors"]);
    await writeFile(
      join(folder, "model.safetensors"),
      writeSafetensors({ ...tensors, "h.0.attn.bias": mask }),
    );
    using original = await loadFixture("gpt2");
    using bare = await loadModel(folder);
    expect(distance(await prefill(bare, ids), await prefill(original, ids))).toBe(0);
  });

  test.each([
    ["llama-gqa-tied", { hidden_act: "gelu" }, /"hidden_act" must be "silu"/],
    ["llama-gqa-tied", { rope_parameters: { factor: 8 } }, /"factor" must be 1 .*it is 8/],
    ["llama-gqa-tied", { rope_parameters: null, rope_scaling: { factor: 8 } }, /"factor" must be 1/],
    [
      "llama-gqa-tied",
      { rope_parameters: { rope_type: "linear", factor: 0 } },
      /"factor" must be a number above 0/,
    ],
    [
      "llama-gqa-tied",
      { rope_parameters: { rope_type: "yarn", factor: 4 } },
      /"rope_type" must be one of.*yarn.*"yarn"/,
    ],
    [
      "llama-gqa-tied",
      { rope_parameters: { partial_rotary_factor: 0.5 } },
      /"partial_rotary_factor" must be 1/,
    ],
    ["qwen3", { rotary_pct: 0.25 }, /"rotary_pct" must be 1/],
    [
      "gemma3-text",
      { rope_parameters: { full_attention: { partial_rotary_factor: 0.5 } } },
      /"partial_rotary_factor" must be 1/,
    ],
    ["gpt2", { scale_attn_by_inverse_layer_idx: true }, /"scale_attn_by_inverse_layer_idx" must be false/],
    ["gemma3-text", { use_bidirectional_attention: true }, /"use_bidirectional_attention" must be false/],
    ["gemma3-text", { layer_types: ["full_attention"] }, /"layer_types" must be a list of 3/],
    ["mistral-sliding", { sliding_window: -1 }, /"sliding_window" must be a whole number/],
  ])("%s with %j is refused", async (folder, put, message) => {
    const load = loadRewritten(folder, { "config.json": (c) => rewrite(c, [], put) });
    await expect(load).rejects.toThrow(message);
  });
});
