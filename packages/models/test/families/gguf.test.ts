/** The same checkpoint as llama.cpp's converter would write it gives the same logits, family by family. */
import { readFile } from "node:fs/promises";
import { startBackend } from "@amulet-ts/backends";
import { openGguf, openSafetensors } from "@amulet-ts/files";
import { loadModel } from "@amulet-ts/models";
import {
  type Entry,
  f32,
  list,
  place,
  stringEntry,
  text,
  u32,
  uint32Entry,
  type WrittenTensor,
  writeGguf,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { distance, loadRewritten, prefill } from "@amulet-ts/testing/reference/checkpoints";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import { beforeAll, describe, expect, test } from "vitest";

/** What the converter does for one architecture: its metadata, and the numbers that it changes. */
interface Conversion {
  readonly architecture: string;
  readonly names: readonly (readonly [huggingface: RegExp, gguf: string])[];
  readonly metadata: (config: Record<string, number>) => Entry[];
  readonly change?: (
    name: string,
    shape: number[],
    values: Float32Array,
  ) => WrittenTensor["data"] | undefined;
  /** Whose shape is reversed by the change. */
  readonly turned?: RegExp;
  /** What a GGUF file cannot say otherwise. */
  readonly implied?: Readonly<Record<string, unknown>>;
}

const float32Entry = (key: string, value: number): Entry => [key, 6, f32(value)];

const llamaNames = [
  [/^model\.embed_tokens/, "token_embd"],
  [/^model\.norm/, "output_norm"],
  [/^lm_head/, "output"],
  [/^model\.layers\./, "blk."],
  [/self_attn\.([qkv])_proj/, "attn_$1"],
  [/self_attn\.([qk])_norm/, "attn_$1_norm"],
  [/self_attn\.o_proj/, "attn_output"],
  [/mlp\.(gate|up|down)_proj/, "ffn_$1"],
  [/input_layernorm/, "attn_norm"],
] as const;

const llamaMetadata = (architecture: string) => (config: Record<string, number>) => [
  uint32Entry(`${architecture}.block_count`, config.num_hidden_layers!),
  uint32Entry(`${architecture}.context_length`, config.max_position_embeddings!),
  uint32Entry(`${architecture}.embedding_length`, config.hidden_size!),
  uint32Entry(`${architecture}.feed_forward_length`, config.intermediate_size!),
  uint32Entry(`${architecture}.attention.head_count`, config.num_attention_heads!),
  uint32Entry(`${architecture}.attention.head_count_kv`, config.num_key_value_heads!),
  uint32Entry(`${architecture}.attention.key_length`, config.head_dim ?? 16),
  float32Entry(`${architecture}.attention.layer_norm_rms_epsilon`, config.rms_norm_eps!),
  float32Entry(`${architecture}.rope.freq_base`, 1_000_000),
];

const qwen = (architecture: string): Conversion => ({
  architecture,
  names: [...llamaNames, [/post_attention_layernorm/, "ffn_norm"]],
  metadata: llamaMetadata(architecture),
});

const conversions: readonly (readonly [folder: string, Conversion])[] = [
  ["qwen2", qwen("qwen2")],
  ["qwen3", qwen("qwen3")],
  [
    "gemma3-text",
    {
      architecture: "gemma3",
      names: [
        ...llamaNames,
        [/post_attention_layernorm/, "post_attention_norm"],
        [/pre_feedforward_layernorm/, "ffn_norm"],
        [/post_feedforward_layernorm/, "post_ffw_norm"],
      ],
      metadata: (config) => [
        ...llamaMetadata("gemma3")(config),
        uint32Entry("gemma3.attention.sliding_window", config.sliding_window!),
      ],
      // Every sixth block sees everything, so none of these three.
      implied: { layer_types: Array.from({ length: 3 }, () => "sliding_attention") },
      change: (name, _, values) =>
        /norm\.weight$/.test(name) ? f32(...values.map((w) => w + 1)) : undefined,
    },
  ],
  [
    "gpt2",
    {
      architecture: "gpt2",
      names: [
        [/^transformer\.wte/, "token_embd"],
        [/^transformer\.wpe/, "position_embd"],
        [/^transformer\.ln_f/, "output_norm"],
        [/^transformer\.h\./, "blk."],
        [/ln_1/, "attn_norm"],
        [/ln_2/, "ffn_norm"],
        [/attn\.c_attn/, "attn_qkv"],
        [/attn\.c_proj/, "attn_output"],
        [/mlp\.c_fc/, "ffn_up"],
        [/mlp\.c_proj/, "ffn_down"],
      ],
      metadata: (config) => [
        uint32Entry("gpt2.block_count", config.n_layer!),
        uint32Entry("gpt2.context_length", config.n_positions!),
        uint32Entry("gpt2.embedding_length", config.n_embd!),
        uint32Entry("gpt2.feed_forward_length", 4 * config.n_embd!),
        uint32Entry("gpt2.attention.head_count", config.n_head!),
        float32Entry("gpt2.attention.layer_norm_epsilon", config.layer_norm_epsilon!),
      ],
      turned: /c_(attn|proj|fc)\.weight$/,
      change: (name, shape, values) =>
        /c_(attn|proj|fc)\.weight$/.test(name) ? transpose(values, shape) : undefined,
    },
  ],
];

const ids = Array.from({ length: 14 }, (_, t) => (t * t * 31 + t * 13 + 5) % 288);

describe("families from GGUF", () => {
  beforeAll(async () => {
    await startBackend("wasm");
  });

  test.each(conversions)("%s gives the logits of its folder", async (folder, conversion) => {
    const path = await place({ "model.gguf": await convert(folder, conversion) });
    using original = await loadRewritten(folder, { "config.json": (c) => ({ ...c, ...conversion.implied }) });
    using converted = await loadModel(path);
    expect(converted.family).toBe(conversion.architecture);
    expect(distance(await prefill(converted, ids), await prefill(original, ids))).toBe(0);
  });
});

async function convert(folder: string, conversion: Conversion): Promise<Buffer> {
  const source = fixture(`checkpoints/${folder}`);
  const config = JSON.parse(await readFile(`${source}/config.json`, "utf8"));
  const store = await openSafetensors(`${source}/model.safetensors`);
  const tensors = await Promise.all(
    [...store.tensors].map(async ([name, tensor]): Promise<WrittenTensor> => {
      const values = await tensor.read();
      const shape = [...tensor.shape];
      const data = conversion.change?.(name, shape, values) ?? f32(...values);
      const ours = conversion.turned?.test(name) ? shape.toReversed() : shape;
      return { name: rename(name, conversion), shape: ours, type: 0, data };
    }),
  );
  await store.close();
  const entries = [
    stringEntry("general.architecture", conversion.architecture),
    ...conversion.metadata(config),
    ...(await tokenizerEntries()),
  ];
  return writeGguf({ entries, tensors });
}

function rename(name: string, { names }: Conversion): string {
  return names.reduce((renamed, [from, to]) => renamed.replace(from, to), name);
}

/** All fixtures have the same tokenizer; one of them is a GGUF file. */
async function tokenizerEntries(): Promise<Entry[]> {
  const file = await openGguf(fixture("formats/llama-gqa-tied.f32.gguf"));
  await file.close();
  const strings = (key: string): Entry => [key, 9, list(8, (file.metadata.get(key) as string[]).map(text))];
  const types = file.metadata.get("tokenizer.ggml.token_type") as Int32Array;
  return [
    stringEntry("tokenizer.ggml.model", "gpt2"),
    stringEntry("tokenizer.ggml.pre", "gpt-2"),
    strings("tokenizer.ggml.tokens"),
    strings("tokenizer.ggml.merges"),
    ["tokenizer.ggml.token_type", 9, list(5, [...types].map(u32))],
    uint32Entry("tokenizer.ggml.eos_token_id", 2),
  ];
}

function transpose(values: Float32Array, [rows, columns]: number[]): Buffer {
  return f32(
    ...Array.from(
      { length: values.length },
      (_, i) => values[(i % rows!) * columns! + Math.floor(i / rows!)]!,
    ),
  );
}
