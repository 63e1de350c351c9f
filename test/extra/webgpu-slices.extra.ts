/**
 * SmolLM2-360M's vocabulary on a device that has no more than WebGPU promises, buffers of 128 MiB in a binding: on a card,
 * or on SwiftShader (VK_ICD_FILENAMES). The device itself refuses larger ones.
 */
import { dirname } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { loadModel } from "@amulet-ts/models";
import { logitTolerance } from "@amulet-ts/testing/backends/tolerance";
import { expectWithin } from "@amulet-ts/testing/backends/under-test";
import { place, type WrittenShard, writeSafetensors } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyConfig, tinyFolder } from "@amulet-ts/testing/models/tiny-folder";
import { distance, readRows } from "@amulet-ts/testing/reference/checkpoints";
import { oracleLogits } from "@amulet-ts/verify";
import { expect, test, vi } from "vitest";
import type * as Dawn from "../../packages/backends/src/webgpu/dawn.js";
import type { Gpu, GpuAdapter } from "../../packages/backends/src/webgpu/webgpu-device.js";

type PlainModel = Parameters<typeof oracleLogits>[0];

const least: Readonly<Record<string, number>> = {
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
};

/** The adapter with those limits in the place of its own, so that the device is asked for no more. */
function withLeastLimits(adapter: GpuAdapter): GpuAdapter {
  const limits = new Proxy(adapter.limits, {
    get: (own, name) => least[String(name)] ?? Reflect.get(own, name),
  });
  const read = (own: GpuAdapter, name: string | symbol) => {
    const value = name === "limits" ? limits : Reflect.get(own, name);
    return typeof value === "function" ? value.bind(own) : value;
  };
  return new Proxy(adapter, { get: read });
}

vi.mock("../../packages/backends/src/webgpu/dawn.js", async (load) => {
  const original = await load<typeof Dawn>();
  const openDawn = async (): Promise<Gpu> => {
    const gpu = await original.openDawn();
    return {
      requestAdapter: async (options) => {
        const adapter = await gpu.requestAdapter(options);
        return adapter && withLeastLimits(adapter);
      },
    };
  };
  return { ...original, openDawn };
});

const started = await startBackend("webgpu").catch((error: Error) => error.message);
const why = typeof started === "string" ? started : "";

const [vocabulary, width] = [49_152, 960];
const config = {
  ...tinyConfig,
  hidden_size: width,
  num_hidden_layers: 1,
  rope_scaling: null,
  vocab_size: vocabulary,
};

/** Multiples of 1/64, which bfloat16 holds exactly, different in every row. */
const numberAt = (row: number, column: number) =>
  (((row * 7919 + column * 104_729) % 15_485_863) % 31) / 64 - 0.25;

function matrix(rows: number, columns: number, rowAt = (row: number) => row): WrittenShard[string] {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  const numbers = new Uint16Array(rows * columns);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      value[0] = numberAt(rowAt(row), column);
      numbers[i] = bits[0]! >>> 16;
    }
  }
  return { dtype: "BF16", shape: [rows, columns], data: Buffer.from(numbers.buffer) };
}

const ones = (size: number): WrittenShard[string] => ({
  dtype: "F32",
  shape: [size],
  data: Buffer.from(new Float32Array(size).fill(1).buffer),
});

const [queries, keys] = [
  tinyConfig.num_attention_heads * tinyConfig.head_dim,
  tinyConfig.num_key_value_heads * tinyConfig.head_dim,
];
const layer = "model.layers.0";
const others: WrittenShard = {
  [`${layer}.input_layernorm.weight`]: ones(width),
  [`${layer}.self_attn.q_proj.weight`]: matrix(queries, width),
  [`${layer}.self_attn.k_proj.weight`]: matrix(keys, width),
  [`${layer}.self_attn.v_proj.weight`]: matrix(keys, width),
  [`${layer}.self_attn.o_proj.weight`]: matrix(width, queries),
  [`${layer}.post_attention_layernorm.weight`]: ones(width),
  [`${layer}.mlp.gate_proj.weight`]: matrix(tinyConfig.intermediate_size, width),
  [`${layer}.mlp.up_proj.weight`]: matrix(tinyConfig.intermediate_size, width),
  [`${layer}.mlp.down_proj.weight`]: matrix(width, tinyConfig.intermediate_size),
  "model.norm.weight": ones(width),
};

/** Both ends of the vocabulary, and both sides of the cut between its two slices. */
const tokens = [0, 49_151, 24_575, 24_576, 77] as const;

/** The same model with no tokens but those: its logits are theirs. */
const small = {
  family: "llama",
  config: { ...config, vocab_size: tokens.length },
  tensors: new Map(
    Object.entries({
      ...others,
      "model.embed_tokens.weight": matrix(tokens.length, width, (row) => tokens[row]!),
    }).map(([name, { dtype, shape, data }]) => [name, { shape, data: numbersOf(dtype, data) }]),
  ),
} as unknown as PlainModel;

function numbersOf(dtype: string, data: Buffer): Float32Array {
  const bytes = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
  if (dtype === "F32") return new Float32Array(bytes);
  return new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer);
}

/** The numbers as float32, 188 MB of the vocabulary: as its file stores them it takes two buffers too. */
function asFloat32({ dtype, shape, data }: WrittenShard[string]): WrittenShard[string] {
  return { dtype: "F32", shape, data: Buffer.from(numbersOf(dtype, data).buffer) };
}

test.skipIf(why).each([
  ["float32 tensors", false],
  ["their file's bytes", true],
])(
  `a vocabulary of ${vocabulary} tokens of width ${width} runs in buffers of 128 MiB, as float64 says: weights as %s (${why ? `skipped: ${why}` : "webgpu"})`,
  async (_, kernels) => {
    const { memory } = await startBackend("webgpu", { kernels });
    expect(memory.tensorLimitBytes).toBe(2 ** 27);
    const files = tinyFolder();
    const path = await place({
      "config.json": JSON.stringify(config),
      "tokenizer.json": files["tokenizer.json"]!,
      "tokenizer_config.json": files["tokenizer_config.json"]!,
      "model.safetensors": writeSafetensors({
        ...others,
        "model.embed_tokens.weight": kernels
          ? asFloat32(matrix(vocabulary, width))
          : matrix(vocabulary, width),
      }),
    });
    using model = await loadModel(dirname(path), { memory });
    using session = model.openTensorSession(1);
    const [last] = await readRows(session.append([tokens]));
    const ids = tokens.map((_, index) => index);
    const expected = oracleLogits(small, ids).at(-1)!;
    const tolerance = logitTolerance(small, ids, { longestSum: width, norms: 2 }, "webgpu");
    expectWithin(distance([tokens.map((token) => last![token]!)], [expected]), tolerance);
  },
);
