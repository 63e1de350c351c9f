/** The tables "What is read, what is refused" of the README, held to what happens. */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openCheckpoint } from "@amulet-ts/files";
import {
  type Entry,
  f32,
  float32Tensor,
  place,
  stringEntry,
  uint32Entry,
  type WrittenShard,
  type WrittenTensor,
  writeGguf,
  writeSafetensors,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { readTables } from "@amulet-ts/testing/files/readme-table";
import { tinyConfig, tinyFolder, tinyTensors } from "@amulet-ts/testing/models/tiny-folder";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { expect, test } from "vitest";
import { planModel } from "../src/loading/plan-model.js";

/** Plans a model: everything is decided before a weight is read. */
type Case = () => Promise<void>;

async function plan(path: string): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    planModel(checkpoint);
  } finally {
    await checkpoint.store.close();
  }
}

/** The tiny Llama's folder with other settings, or other names of its tensors. */
function folder(put: object, rename = (name: string) => name): Case {
  return async () => {
    const path = dirname(
      await place({ ...tinyFolder(), "config.json": JSON.stringify({ ...tinyConfig, ...put }) }),
    );
    const tensors = [...tinyTensors()].map(([name, { shape, data }]) => [
      rename(name),
      { dtype: "F32", shape, data: f32(...data) },
    ]);
    await writeFile(
      join(path, "model.safetensors"),
      writeSafetensors(Object.fromEntries(tensors) as WrittenShard),
    );
    await plan(path);
  };
}

/** The tiny Llama's GGUF file with entries and tensors more. */
function gguf(entries: readonly Entry[], tensors: readonly WrittenTensor[] = []): Case {
  return async () => {
    const tiny = tinyLlama();
    const file = { entries: [...tiny.entries, ...entries], tensors: [...tiny.tensors, ...tensors] };
    await plan(await place({ "model.gguf": writeGguf(file) }));
  };
}

const rope = (rope_scaling: object) => folder({ rope_scaling });
const float = (key: string, value: number): Entry => [`llama.${key}`, 6, f32(value)];
const type = (name: string) => stringEntry("llama.rope.scaling.type", name);
const bare = (name: string) => name.replace(/^model\./, "");
const classes = [undefined, null, ["LlamaModel"], ["LlamaForSequenceClassification"]];

interface Row {
  readonly attempts: readonly Case[];
  /** What the refusal says; nothing where it is read. */
  readonly says?: RegExp;
}
const read = (...attempts: Case[]): Row => ({ attempts });
const refused = (says: RegExp, ...attempts: Case[]): Row => ({ attempts, says });

const cases: Readonly<Record<string, Row>> = {
  "`model_type` of a family above; `architectures` missing, null, a base class or another": read(
    ...classes.map((architectures) => folder({ architectures, model_type: "llama" })),
  ),
  "`architectures` of a family above without a `model_type`": read(
    folder({ model_type: undefined }),
    gguf([]),
  ),
  "any other architecture": refused(
    /PhiForCausalLM|names no architecture/,
    folder({ architectures: ["PhiForCausalLM"], model_type: "phi" }),
    folder({ architectures: undefined }),
  ),
  "`text_config` of a family above (`Gemma3ForConditionalGeneration`, Llava, …)": read(
    folder(
      {
        architectures: ["LlavaForConditionalGeneration"],
        text_config: { ...tinyConfig, model_type: "llama" },
      },
      (name) => `language_model.${name}`,
    ),
  ),
  "tensors without `model.` or `transformer.`, with `language_model.` before or behind it": read(
    folder({}, bare),
    folder({}, (name) => `language_model.${name}`),
    folder({}, (name) => `model.language_model.${bare(name)}`),
  ),
  "tensors missing, misshapen or more than the config announces": refused(
    /1 missing .*1 unexpected|9 unexpected|6 misshapen/,
    folder({}, (name) => (name === "model.norm.weight" ? "model.other.weight" : name)),
    folder({ num_hidden_layers: 1 }),
    folder({ intermediate_size: 13 }),
  ),
  "`tie_word_embeddings`, `head_dim`, `num_key_value_heads`": read(
    folder({ tie_word_embeddings: true, head_dim: null }),
  ),
  "`sliding_window`, `layer_types` (Mistral, Qwen, Gemma 3)": read(
    folder({ model_type: "mistral", sliding_window: 3 }),
  ),
  "`attention_bias` or `mlp_bias` true": refused(
    /"(attention|mlp)_bias" must be false/,
    folder({ attention_bias: true }),
    folder({ mlp_bias: true }),
  ),
  "`hidden_act` other than the family's own": refused(
    /"hidden_act" must be "silu"/,
    folder({ hidden_act: "gelu" }),
  ),
  "`use_bidirectional_attention` true, `attention.causal` false": refused(
    /"(use_bidirectional_attention|attention\.causal)" must be/,
    folder({ model_type: "gemma3_text", use_bidirectional_attention: true }),
    gguf([["llama.attention.causal", 7, Buffer.of(0)]]),
  ),
  "`expert_count` above 0": refused(/"expert_count" must be 0/, gguf([uint32Entry("llama.expert_count", 8)])),
  "`default`, `none`": read(
    rope({ rope_type: "default" }),
    folder({ rope_scaling: null }),
    gguf([type("none"), float("rope.scaling.factor", 4)]),
  ),
  "`linear`": read(
    rope({ rope_type: "linear", factor: 4 }),
    rope({ type: "linear", factor: 4 }),
    gguf([type("linear"), float("rope.scaling.factor", 4)]),
  ),
  "`dynamic`, in config.json": read(rope({ rope_type: "dynamic", factor: 4 })),
  "`llama3`, in config.json; in GGUF `rope_freqs.weight`": read(
    folder({}),
    gguf([], [float32Tensor("rope_freqs.weight", [2], [1, 4])]),
  ),
  "GGUF: `rope.scaling.factor` or `rope.scale_linear` without a type": read(
    gguf([float("rope.scaling.factor", 4)]),
    gguf([float("rope.scale_linear", 4)]),
  ),
  "config.json: a factor without a type": refused(/"factor" must be 1/, rope({ factor: 4 })),
  "yarn, longrope, mrope and all others": refused(
    /"(rope_type|rope\.scaling\.type)" must be (one of|none or)/,
    ...["yarn", "longrope", "mrope", "su", "proportional", "linar"].map((rope_type) =>
      rope({ rope_type, factor: 4 }),
    ),
    ...["yarn", "longrope", "dynamic", "llama3", ""].map((name) => gguf([type(name)])),
  ),
  "a part of each head turned: `partial_rotary_factor`, `rotary_pct`, `rope.dimension_count`": refused(
    /"(partial_rotary_factor|rotary_pct|rope\.dimension_count)" must be [14]/,
    folder({ partial_rotary_factor: 0.5 }),
    rope({ rope_type: "default", partial_rotary_factor: 0.5 }),
    folder({ rotary_pct: 0.25 }),
    gguf([uint32Entry("llama.rope.dimension_count", 2)]),
  ),
  "a factor or a base of 0 or below, a head of odd width": refused(
    /must be (a number above 0|even)/,
    rope({ rope_type: "linear", factor: 0 }),
    folder({ rope_theta: 0 }),
    gguf([float("rope.freq_base", -1)]),
    folder({ head_dim: 3 }),
  ),
};

const rows = readTables(new URL("../README.md", import.meta.url), "## What is read, what is refused");

test("each row has its cases, and each case a row", () => {
  expect(rows.map(([thing]) => thing)).toEqual(Object.keys(cases));
});

test.each(rows)("%s: %s", async (thing, verdict) => {
  const { attempts, says } = cases[thing]!;
  expect(verdict.startsWith("read")).toBe(says === undefined);
  for (const attempt of attempts) {
    if (says === undefined) await attempt();
    else await expect(attempt()).rejects.toThrow(says);
  }
});
