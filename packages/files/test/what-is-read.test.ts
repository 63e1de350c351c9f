/** The tables "Files" and "Quantised folders" of the README, held to what happens. */
import { execFileSync } from "node:child_process";
import { mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openCheckpoint } from "@amulet-ts/files";
import {
  f32,
  joinSafetensors,
  place,
  uint32Entry,
  type WrittenShard,
  writeGguf,
  writeSafetensors,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { readTables } from "@amulet-ts/testing/files/readme-table";
import { tinyConfig, tinyFolder } from "@amulet-ts/testing/models/tiny-folder";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { describe, expect, test } from "vitest";
import { ggufTensorTypes, unreadGgufTypes } from "../src/formats/numbers/dequantise.js";

/** Opens a folder or file and reads a tensor. */
type Case = () => Promise<void>;

interface Row {
  readonly attempts: readonly Case[];
  /** What the refusal says; nothing where it is read. */
  readonly says?: RegExp;
}
const read = (...attempts: Case[]): Row => ({ attempts });
const refused = (says: RegExp, ...attempts: Case[]): Row => ({ attempts, says });

async function openAndRead(path: string): Promise<void> {
  const { store } = await openCheckpoint(path);
  try {
    await [...store.tensors.values()][0]!.read();
  } finally {
    await store.close();
  }
}

type Change = (folder: string) => Promise<unknown> | unknown;

/** The tiny folder after something was done to it. */
const folder =
  (...changes: Change[]): Case =>
  async () => {
    const path = dirname(await place(tinyFolder()));
    for (const change of changes) await change(path);
    await openAndRead(path);
  };
const put =
  (name: string, content: string | Buffer): Change =>
  (path) =>
    writeFile(join(path, name), content);
const whole = (shard: WrittenShard, metadata?: unknown) =>
  put("model.safetensors", writeSafetensors(shard, metadata));
const config = (more: object) => put("config.json", JSON.stringify({ ...tinyConfig, ...more }));
const index = (map: object) => put("model.safetensors.index.json", JSON.stringify({ weight_map: map }));
const gone = (name: string) => (path: string) => rm(join(path, name));
const empty = (dtype: string) => ({ dtype, shape: [0], data: Buffer.alloc(0) });
const one = { a: { dtype: "F32", shape: [1], data: f32(1) } };

/** The tiny GGUF file with its first tensor of another type, as empty as its blocks allow. */
const gguf =
  (type: number, header: object = {}): Case =>
  async () => {
    const { entries, tensors } = tinyLlama();
    const { blockSize = 256, bytesPerBlock = 256 } = ggufTensorTypes.get(type) ?? {};
    const first = {
      name: "token_embd.weight",
      shape: [1, blockSize],
      type,
      data: Buffer.alloc(bytesPerBlock),
    };
    await openAndRead(
      await place({ "m.gguf": writeGguf({ entries, tensors: [first, ...tensors.slice(1)], ...header }) }),
    );
  };

const splitGguf: Case = async () => {
  const { entries, tensors } = tinyLlama();
  const part = (no: number) =>
    writeGguf({
      entries: [...(no === 0 ? entries : []), uint32Entry("split.no", no), uint32Entry("split.count", 2)],
      tensors: no === 0 ? tensors.slice(0, 5) : tensors.slice(5),
    });
  await openAndRead(await place({ "m-00001-of-00002.gguf": part(0), "m-00002-of-00002.gguf": part(1) }));
};

const swapped = { magic: "GGUF", version: 0x0300_0000 };
const quantised = (method: string) => config({ quantization_config: { quant_method: method } });

const files: Readonly<Record<string, Row>> = {
  "safetensors in F32, F16, BF16, F64": read(
    ...["F32", "F16", "BF16", "F64"].map((dtype) => folder(whole({ a: empty(dtype) }))),
  ),
  "safetensors in other types (F8_E4M3, U8, …), as masks and counters beside the weights": read(
    folder(whole({ ...one, mask: empty("U8"), scale: empty("F8_E4M3") })),
  ),
  "safetensors whose `__metadata__` is null, or with whitespace around the header": read(
    folder(whole(one, null)),
    folder(
      put(
        "model.safetensors",
        joinSafetensors(' \n{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} ', f32(1)),
      ),
    ),
  ),
  "GGUF, version 2 or 3: F32, F16, BF16, F64, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, IQ4_NL, IQ4_XS":
    read(gguf(0, { version: 2 }), ...[...ggufTensorTypes.keys()].map((type) => gguf(type))),
  "GGUF in other types (IQ2_XXS, MXFP4, …)": refused(
    /has type \d+ \((\w+)\), which is not read here/,
    ...[...unreadGgufTypes.keys(), 77].map((type) => gguf(type)),
  ),
  "GGUF that is big-endian, or version 1": refused(
    /has version \d+ at byte 4/,
    gguf(0, swapped),
    gguf(0, { version: 1 }),
  ),
  "GGUF split into `-0000X-of-0000N.gguf`": read(splitGguf),
  "`model.safetensors` beside an index, stale or damaged": read(
    folder(whole(one), index({ b: "gone.safetensors" })),
    folder(whole(one), put("model.safetensors.index.json", "{")),
  ),
  "`model.safetensors.index.json` with files by any name, in folders below too": read(
    folder(
      (path) => mkdir(join(path, "more")),
      put("more/x.safetensors", writeSafetensors(one)),
      index({ a: "more/x.safetensors" }),
    ),
    folder(
      put("six-000001-of-000001.safetensors", writeSafetensors(one)),
      index({ a: "six-000001-of-000001.safetensors" }),
    ),
  ),
  "an index that names files which are not there, or lie outside its folder": refused(
    /missing beside it|not the path of a \.safetensors file beside it/,
    folder(index({ a: "gone.safetensors" })),
    folder(index({ a: "../x.safetensors" })),
  ),
  "PyTorch's `.bin`, `consolidated.safetensors`, shards without an index": refused(
    /has a config but no weights/,
    ...["pytorch_model.bin", "consolidated.safetensors", "model-00001-of-00001.safetensors"].map((name) =>
      folder(gone("model.safetensors.index.json"), put(name, writeSafetensors(one))),
    ),
  ),
  "a weight that is NaN or infinite": refused(
    /^a of .* holds (NaN|infinity)/,
    folder(whole({ a: { ...one.a, data: f32(Number.NaN) } })),
    folder(whole({ a: { ...one.a, data: f32(Number.NEGATIVE_INFINITY) } })),
  ),
  "a pipe, socket, device or folder in the place of a file, behind a link too": refused(
    /is a (pipe|device|folder), not a file/,
    folder(gone("tokenizer.json"), (path) => execFileSync("mkfifo", [join(path, "tokenizer.json")])),
    folder((path) => symlink("/dev/zero", join(path, "chat_template.jinja"))),
    folder((path) => mkdir(join(path, "special_tokens_map.json"))),
  ),
  "JSON longer than 16 MiB (`tokenizer.json`: 128 MiB), a template longer than 1 MiB": refused(
    /is longer than (1|16|128) MiB/,
    folder((path) => truncate(join(path, "config.json"), 16 * 2 ** 20 + 1)),
    folder((path) => truncate(join(path, "tokenizer.json"), 128 * 2 ** 20 + 1)),
    folder(put("chat_template.jinja", " ".repeat(2 ** 20 + 1))),
  ),
  "JSON that nests more than 64 deep": refused(
    /nests more than 64/,
    folder(put("generation_config.json", `{"a":${"[".repeat(65)}${"]".repeat(65)}}`)),
  ),
};

const quantisedFolders: Readonly<Record<string, Row>> = {
  "`quant_method`: fp8, fbgemm_fp8, bitsandbytes, gptq, awq, compressed-tensors, modelopt, torchao, mxfp4, any other":
    refused(
      /is quantised with (FP8|bitsandbytes|GPTQ|AWQ|compressed-tensors|NVIDIA ModelOpt|torchao|MXFP4|"aqlm")/,
      ...[
        "fp8",
        "fbgemm_fp8",
        "bitsandbytes",
        "gptq",
        "awq",
        "compressed-tensors",
        "modelopt",
        "torchao",
        "mxfp4",
        "aqlm",
      ].map((method) => folder(quantised(method))),
    ),
  "`load_in_4bit`, `load_in_8bit` true": refused(
    /bitsandbytes, [48] bits/,
    folder(config({ quantization_config: { load_in_4bit: true } })),
    folder(config({ quantization_config: { load_in_8bit: true } })),
  ),
  "`quantization` with `bits`": refused(/MLX, 4 bits/, folder(config({ quantization: { bits: 4 } }))),
  "FP8, bitsandbytes, GPTQ, AWQ, compressed-tensors and MLX by their tensors": refused(
    /is quantised with/,
    ...["weight_scale_inv", "weight.absmax", "SCB", "g_idx", "qweight", "weight_packed", "scales"].map(
      (name) => folder(whole({ [`a.${name}`]: empty("F32") })),
    ),
  ),
  "a `quantization_config` that is null, empty, or bitsandbytes switched off": read(
    ...[null, {}, { quant_method: "bitsandbytes", load_in_4bit: false, load_in_8bit: false }].map(
      (settings) => folder(config({ quantization_config: settings })),
    ),
  ),
};

describe.each([
  ["### Files", files],
  ["### Quantised folders", quantisedFolders],
])("%s", (heading, cases) => {
  const rows = readTables(new URL("../README.md", import.meta.url), heading);

  test("each row has its cases, and each case a row", () => {
    expect(rows.map(([thing]) => thing)).toEqual(Object.keys(cases));
  });

  test.each(rows)("%s: %s", async (thing, verdict) => {
    const { attempts, says } = cases[thing]!;
    expect(verdict.startsWith("read")).toBe(says === undefined);
    for (const attempt of attempts) {
      if (says === undefined) await attempt();
      else
        await expect(attempt()).rejects.toMatchObject({
          name: "FilesError",
          message: expect.stringMatching(says),
        });
    }
  });
});
