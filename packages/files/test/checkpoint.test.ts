/** Folders as other programs leave them: opened where that is right, and otherwise named for what they are. */
import { mkdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openCheckpoint } from "@amulet-ts/files";
import {
  joinSafetensors,
  place,
  type WrittenShard,
  writeSafetensors,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyConfig, tinyFolder, tinyIndex } from "@amulet-ts/testing/models/tiny-folder";
import { describe, expect, test } from "vitest";

const empty = Buffer.alloc(0);
const nothing = (dtype: string) => ({ dtype, shape: [0], data: empty });

/** The tiny folder with other settings, and other weights where they are given. */
async function write(config: object, weights?: WrittenShard): Promise<string> {
  const files = { ...tinyFolder(), "config.json": JSON.stringify({ ...tinyConfig, ...config }) };
  return dirname(await place(weights ? { ...files, "model.safetensors": writeSafetensors(weights) } : files));
}

async function namesIn(folder: string): Promise<string[]> {
  const { store } = await openCheckpoint(folder);
  await store.close();
  return [...store.tensors.keys()];
}

describe("a quantised folder is refused by the name of its method", () => {
  test.each([
    [{ quantization_config: { quant_method: "fp8", weight_block_size: [128, 128] } }, "FP8"],
    [{ quantization_config: { quant_method: "fbgemm_fp8" } }, "FP8 (FBGEMM)"],
    [{ quantization_config: { quant_method: "bitsandbytes", load_in_4bit: true } }, "bitsandbytes, 4 bits"],
    [{ quantization_config: { load_in_8bit: true, load_in_4bit: false } }, "bitsandbytes, 8 bits"],
    [{ quantization_config: { quant_method: "gptq", bits: 4, group_size: 128 } }, "GPTQ, 4 bits"],
    [{ quantization_config: { quant_method: "awq", bits: 4 } }, "AWQ, 4 bits"],
    [{ quantization_config: { quant_method: "awq", w_bit: 4 } }, "AWQ, 4 bits"],
    [{ quantization_config: { quant_method: "compressed-tensors" } }, "compressed-tensors"],
    [{ compression_config: { quant_method: "compressed-tensors" } }, "compressed-tensors"],
    [{ quantization_config: { quant_method: "modelopt" } }, "NVIDIA ModelOpt"],
    [{ quantization_config: { quant_method: "hqq" } }, '"hqq"'],
    [{ quantization_config: { quant_method: "toString" } }, '"toString"'],
    [{ quantization_config: { group_size: 64 } }, "a method that its quantization_config does not name"],
    [{ quantization: { group_size: 64, bits: 4 } }, "MLX, 4 bits"],
    [
      { quantization: { bits: 8 }, quantization_config: { bits: 8, group_size: 64, mode: "affine" } },
      "MLX, 8 bits",
    ],
    [
      { text_config: { ...tinyConfig, quantization_config: { quant_method: "gptq", bits: 8 } } },
      "GPTQ, 8 bits",
    ],
  ])("%j: %s", async (config, method) => {
    await expect(namesIn(await write(config))).rejects.toMatchObject({
      code: "unknown-tensor-type",
      message: expect.stringContaining(`is quantised with ${method}, which is not read here. Take the model`),
    });
  });

  test.each([
    ["FP8", { "a.weight": nothing("F8_E4M3"), "a.weight_scale_inv": nothing("F32") }],
    ["FP8", { "a.weight": nothing("F8_E5M2") }],
    ["bitsandbytes", { "a.weight": nothing("U8"), "a.weight.absmax": nothing("F32") }],
    ["bitsandbytes", { "a.weight": nothing("I8"), "a.SCB": nothing("F32") }],
    ["GPTQ", { "a.qweight": nothing("I32"), "a.g_idx": nothing("I32"), "a.scales": nothing("F16") }],
    ["GPTQ or AWQ", { "a.qweight": nothing("I32"), "a.qzeros": nothing("I32") }],
    ["compressed-tensors", { "a.weight_packed": nothing("I32"), "a.weight_shape": nothing("I64") }],
    ["MLX", { "a.weight": nothing("U32"), "a.scales": nothing("F16"), "a.biases": nothing("F16") }],
  ] as [string, WrittenShard][])(
    "%s by its tensors, where the config does not say it",
    async (method, weights) => {
      await expect(namesIn(await write({}, weights))).rejects.toThrow(`is quantised with ${method}, which`);
    },
  );

  test("settings that are null, empty or switched off quantise nothing", async () => {
    const off = { quant_method: "bitsandbytes", load_in_4bit: false, load_in_8bit: false };
    for (const quantization_config of [null, {}, off])
      expect(await namesIn(await write({ quantization_config }))).toHaveLength(20);
  });
});

describe("weights", () => {
  const one = { "only.weight": nothing("F32") };

  test("in one file come before an index left from older ones, damaged or not", async () => {
    const folder = await write({}, one);
    for (const index of [JSON.stringify({ weight_map: { "a.weight": "gone.safetensors" } }), "{"]) {
      await writeFile(join(folder, "model.safetensors.index.json"), index);
      expect(await namesIn(folder)).toEqual(["only.weight"]);
    }
    await rm(join(folder, "model.safetensors"));
    await expect(namesIn(folder)).rejects.toThrow(/damaged index/);
  });

  test("are where the index says, in folders below it too", async () => {
    const index = tinyIndex();
    const weight_map = Object.fromEntries(
      Object.entries(index.weight_map).map(([name, file]) => [name, String(file).replace("two", "more/two")]),
    );
    const folder = await write({});
    await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
    await expect(namesIn(folder)).rejects.toThrow(/1 of them are missing beside it: more\/two\.safetensors/);
    await mkdir(join(folder, "more"));
    await rename(join(folder, "two.safetensors"), join(folder, "more/two.safetensors"));
    expect(await namesIn(folder)).toHaveLength(20);
    for (const hostile of ["../a", "/etc/a", "a/../../b", "C:a", "a\\b", "./a", "", "a//b"]) {
      const elsewhere = JSON.stringify({ weight_map: { a: `${hostile}.safetensors` } });
      await writeFile(join(folder, "model.safetensors.index.json"), elsewhere);
      await expect(namesIn(folder), hostile).rejects.toThrow(/damaged index|missing beside it/);
    }
  });

  test("an index that nests deep, or is endless, is refused", async () => {
    const folder = await write({});
    const index = join(folder, "model.safetensors.index.json");
    await writeFile(index, `{"weight_map":{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`);
    await expect(namesIn(folder)).rejects.toThrow(/nests more than 64/);
    await truncate(index, 1e11);
    await expect(namesIn(folder)).rejects.toThrow(/longer than 64 MiB/);
  });

  test("say nothing of themselves where __metadata__ is null, and damage where it is no text", async () => {
    const folder = await write({}, one);
    const file = join(folder, "model.safetensors");
    await writeFile(
      file,
      joinSafetensors('{"__metadata__":null,"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
    );
    expect(await namesIn(folder)).toEqual(["b"]);
    for (const metadata of ["[]", "7", '"text"', '{"format":null}'])
      await writeFile(file, joinSafetensors(`{"__metadata__":${metadata}}`)).then(() =>
        expect(namesIn(folder)).rejects.toThrow(/__metadata__/),
      );
  });
});
