import { dirname, join } from "node:path";
import {
  f32,
  float32Tensor,
  list,
  makeFolder,
  place,
  stringEntry,
  text,
  u32,
  u64,
  uint16Entry,
  uint32Entry,
  type WrittenGguf,
  writeGguf,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { describe, expect, test } from "vitest";
import { FilesError } from "../../src/errors.js";
import { openGguf } from "./on-disk.js";

const small: WrittenGguf = {
  entries: [
    stringEntry("general.architecture", "llama"),
    ["tokens", 9, list(8, ["<s>", "é", ""].map(text))],
    ["scores", 9, list(6, [f32(0.5), f32(-2)])],
    ["big", 10, u64(2n ** 63n)],
    ["flags", 9, list(7, [Buffer.of(1), Buffer.of(0)])],
    ["nested", 9, list(9, [list(4, [u32(7)]), list(8, [text("x")])])],
  ],
  tensors: [float32Tensor("a", [2, 3], [1, 2, 3, 4, 5, 6]), float32Tensor("b", [5], [7, 8, 9, 10, 11])],
};

async function failureOf(file: Buffer): Promise<FilesError> {
  const error: unknown = await openGguf(await place({ "model.gguf": file })).then(
    () => "it opened",
    (cause) => cause,
  );
  expect(error).toBeInstanceOf(FilesError);
  return error as FilesError;
}

test("what was written is read back", async () => {
  const model = await openGguf(await place({ "model.gguf": writeGguf(small) }));
  expect(Object.fromEntries(model.metadata)).toEqual({
    "general.architecture": "llama",
    tokens: ["<s>", "é", ""],
    scores: Float32Array.of(0.5, -2),
    big: 2n ** 63n,
    flags: [true, false],
    nested: [Uint32Array.of(7), ["x"]],
  });
  expect(model.tensors.get("a")).toMatchObject({ shape: [2, 3], type: "F32", byteLength: 24 });
  expect(await model.tensors.get("a")!.read()).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
  expect(await model.tensors.get("a")!.readRows(1, 1)).toEqual(Float32Array.of(4, 5, 6));
  await expect(model.tensors.get("a")!.readRows(1, 2)).rejects.toMatchObject({ code: "bad-tensor-shape" });
  await model.close();
  await model.close();
  await expect(model.tensors.get("a")!.read()).rejects.toMatchObject({ code: "file-unreadable" });
});

test("a header and a tensor larger than one window and one chunk are read whole", async () => {
  const tokens = Array.from({ length: 150_000 }, (_, id) => `token ${id}`);
  const values = Float32Array.from({ length: 2_200_001 }, (_, i) => i);
  const file = writeGguf({
    entries: [["tokens", 9, list(8, tokens.map(text))]],
    tensors: [{ name: "long", shape: [values.length], type: 0, data: Buffer.from(values.buffer) }],
  });
  const model = await openGguf(await place({ "model.gguf": file }));
  // As bytes and text: the comparer of structures takes ten seconds for so many numbers.
  expect((model.metadata.get("tokens") as string[]).join("\n") === tokens.join("\n")).toBe(true);
  const read = await model.tensors.get("long")!.read();
  expect(Buffer.from(read.buffer, read.byteOffset, read.byteLength).equals(Buffer.from(values.buffer))).toBe(
    true,
  );
  await model.close();
});

test("strings are read whole wherever the end of a window falls in them", async () => {
  for (let left = 0; left < 48; left++) {
    // A window that begins with the first of them ends so many bytes behind it.
    const tokens = ["x".repeat(2 ** 20 - left), "é", "", "abcdefgh", "日本"];
    const file = writeGguf({ entries: [["tokens", 9, list(8, tokens.map(text))]] });
    const { metadata, close } = await openGguf(await place({ "model.gguf": file }));
    expect((metadata.get("tokens") as string[]).join("\n") === tokens.join("\n"), `${left} bytes`).toBe(true);
    await close();
  }
});

test("a file cut anywhere is refused, and says where", async () => {
  const whole = writeGguf({ ...small, tensors: [float32Tensor("w", [16, 16], new Array(256).fill(1))] });
  for (let cut = 0; cut < 20; cut++) {
    const length = Math.round(4 + (cut / 19) * (whole.length - 1 - 4));
    const error = await failureOf(whole.subarray(0, length));
    expect(error.code).toBe("truncated-file");
    expect(error.message).toContain(`ends after ${length} bytes`);
  }
});

const weight = (change: object) => ({ tensors: [{ ...float32Tensor("w", [4], [1, 2, 3, 4]), ...change }] });
const entry = (type: number, value: Buffer): WrittenGguf => ({ entries: [["key", type, value]] });
const huge = 2n ** 62n;
const deep = (depth: number): Buffer => (depth === 0 ? list(4, []) : list(9, [deep(depth - 1)]));

const faults: readonly (readonly [fault: string, file: WrittenGguf, code: string, words: RegExp])[] = [
  ["wrong magic", { magic: "GGXX" }, "not-a-model", /47 47 58 58/],
  ["a zip file", { magic: "PK\u0003\u0004" }, "not-a-model", /PyTorch/],
  ["a web page", { magic: "<htm" }, "not-a-model", /web page/],
  ["version 1", { version: 1 }, "bad-header", /version 1/],
  ["a big-endian file", { version: 0x03000000 }, "bad-header", /big-endian/],
  ["2^62 tensors", { tensorCount: huge }, "bad-header", /number of tensors/],
  ["2^40 tensors", { tensorCount: 2n ** 40n }, "truncated-file", /tensors/],
  ["2^62 metadata entries", { entryCount: huge }, "bad-header", /metadata entries/],
  ["2^40 metadata entries", { entryCount: 2n ** 40n }, "truncated-file", /metadata entries/],
  ["a string of 2^62 bytes", entry(8, u64(huge)), "bad-header", /"key"/],
  ["a string beyond the file", entry(8, u64(1000)), "truncated-file", /"key" needs 1000 bytes/],
  ["an array of 2^62", entry(9, Buffer.concat([u32(4), u64(huge)])), "bad-header", /length of "key"/],
  ["an array beyond the file", entry(9, Buffer.concat([u32(8), u64(1e9)])), "truncated-file", /"key"/],
  ["arrays nested 1,000 deep", entry(9, deep(1000)), "bad-header", /arrays in arrays/],
  [
    "100,000 arrays in an array",
    entry(9, list(9, new Array(1e5).fill(list(0, [])))),
    "bad-header",
    /arrays in/,
  ],
  ["an unknown value type", entry(13, u32(0)), "bad-header", /value type 13/],
  ["a truth value of 2", entry(7, Buffer.of(2)), "bad-header", /truth value of 2/],
  ["a key twice", { entries: [uint32Entry("k", 1), uint32Entry("k", 1)] }, "bad-header", /second time/],
  [
    "alignment 12",
    { ...weight({}), entries: [uint32Entry("general.alignment", 12)] },
    "bad-header",
    /alignment/,
  ],
  ["an unknown tensor type", weight({ type: 999 }), "unknown-tensor-type", /type 999 \(unknown\)/],
  ["a known type that is not read", weight({ type: 16 }), "unknown-tensor-type", /IQ2_XXS/],
  ["an offset outside the file", weight({ offset: 1024n }), "truncated-file", /tensor "w" needs 16 bytes/],
  ["an offset of 2^62", weight({ offset: huge }), "bad-header", /offset of tensor "w"/],
  ["a misaligned offset", weight({ offset: 8n }), "bad-header", /multiple of the alignment/],
  ["five axes", weight({ axes: [1n, 1n, 1n, 1n, 4n] }), "bad-header", /5 axes/],
  ["an axis of 0", weight({ axes: [0n, 4n] }), "bad-header", /0 long/],
  ["axes whose product overflows", weight({ axes: [2n ** 40n, 2n ** 40n] }), "bad-header", /shape/],
  ["a row that is no whole block", weight({ type: 2 }), "bad-header", /block of 32/],
  [
    "a tensor twice",
    { tensors: [...weight({}).tensors, ...weight({}).tensors] },
    "bad-header",
    /there twice/,
  ],
  [
    "overlapping tensors",
    {
      tensors: [
        float32Tensor("w", [16], new Array(16).fill(0)),
        { ...float32Tensor("v", [4], [0, 0, 0, 0]), offset: 32n },
      ],
    },
    "bad-header",
    /inside tensor "w"/,
  ],
];

test.each(faults)("%s: one clear sentence", async (_, file, code, words) => {
  const error = await failureOf(writeGguf(file));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(words);
  expect(error.message).toContain("model.gguf");
});

test("a path without a file and a folder are told apart", async () => {
  const folder = await makeFolder();
  await expect(openGguf(join(folder, "none.gguf"))).rejects.toMatchObject({ code: "file-not-found" });
  await expect(openGguf(folder)).rejects.toMatchObject({ code: "not-a-model" });
});

describe("a split model", () => {
  const part = (no: number, tensor: string, extra: Partial<Record<"count" | "tensors", number>> = {}) =>
    writeGguf({
      entries: [
        ...(no === 0 ? [stringEntry("general.architecture", "llama")] : []),
        uint16Entry("split.no", no),
        uint16Entry("split.count", extra.count ?? 3),
        ["split.tensors.count", 5, u32(extra.tensors ?? 3)],
      ],
      tensors: [float32Tensor(tensor, [2], [no, no])],
    });
  const name = (index: number) => `m-0000${index}-of-00003.gguf`;
  const whole = { [name(1)]: part(0, "a"), [name(2)]: part(1, "b"), [name(3)]: part(2, "c") };

  test.each([1, 2, 3])("opens whole from part %i", async (given) => {
    const folder = dirname(await place(whole));
    const model = await openGguf(join(folder, name(given)));
    expect([...model.tensors.keys()]).toEqual(["a", "b", "c"]);
    expect(model.metadata.get("general.architecture")).toBe("llama");
    expect(await model.tensors.get("c")!.read()).toEqual(Float32Array.of(2, 2));
    await model.close();
  });

  const broken: readonly (readonly [string, Record<string, Buffer>, string, RegExp])[] = [
    ["missing parts", { [name(2)]: part(1, "b") }, "file-not-found", /00001-of-00003.*00003-of-00003/],
    ["a changed name", { "m.gguf": part(0, "a") }, "bad-header", /-0000X-of-00003\.gguf/],
    ["a part out of its place", { ...whole, [name(3)]: part(1, "c") }, "bad-header", /split\.no is 1/],
    [
      "a part of another model",
      { ...whole, [name(3)]: part(2, "c", { count: 4 }) },
      "bad-header",
      /split\.count is 4/,
    ],
    [
      "a tensor in two parts",
      { ...whole, [name(3)]: part(2, "a") },
      "bad-header",
      /"a" is in an earlier part/,
    ],
    [
      "a wrong sum",
      { ...whole, [name(1)]: part(0, "a", { tensors: 4 }) },
      "bad-header",
      /4, but the parts hold 3/,
    ],
  ];
  test.each(broken)("with %s is refused", async (_, files, code, words) => {
    const error = await openGguf(await place(files)).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code });
    expect((error as FilesError).message).toMatch(words);
  });
});
