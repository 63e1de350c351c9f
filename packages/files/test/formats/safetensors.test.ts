import {
  f32,
  joinSafetensors,
  place,
  u64,
  writeSafetensors,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { describe, expect, test } from "vitest";
import { FilesError } from "../../src/errors.js";
import { openSafetensors, openShardedSafetensors } from "./on-disk.js";

const bytes = (...values: number[]) => Buffer.from(values);
const one = { dtype: "F32", shape: [1], data: f32(1) };

test("F32, F16, BF16 and F64 are read as float32", async () => {
  const file = writeSafetensors(
    {
      f32: { dtype: "F32", shape: [1, 2], data: f32(1.5, -2) },
      f16: { dtype: "F16", shape: [2], data: bytes(0x00, 0x3c, 0x01, 0x80) },
      bf16: { dtype: "BF16", shape: [2], data: bytes(0x80, 0x3f, 0x49, 0xc0) },
      f64: { dtype: "F64", shape: [], data: Buffer.from(Float64Array.of(0.1).buffer) },
      none: { dtype: "F32", shape: [0, 4], data: Buffer.alloc(0) },
    },
    { format: "pt" },
  );
  const model = await openSafetensors(await place({ "model.safetensors": file }));
  const read = (name: string) => model.tensors.get(name)!.read();
  expect(await read("f32")).toEqual(Float32Array.of(1.5, -2));
  expect(await read("f16")).toEqual(Float32Array.of(1, -(2 ** -24)));
  expect(await read("bf16")).toEqual(Float32Array.of(1, -3.140625));
  expect(await read("f64")).toEqual(Float32Array.of(0.1));
  expect(await read("none")).toEqual(new Float32Array(0));
  expect(model.tensors.get("f32")).toMatchObject({ shape: [1, 2], type: "F32", byteLength: 8 });
  expect([...model.metadata]).toEqual([["format", "pt"]]);
  await model.close();
});

test("a tensor of whole numbers is listed and refuses to be read", async () => {
  const file = writeSafetensors({ ids: { dtype: "I64", shape: [1], data: Buffer.alloc(8) } });
  const model = await openSafetensors(await place({ "model.safetensors": file }));
  await expect(model.tensors.get("ids")!.read()).rejects.toMatchObject({ code: "unknown-tensor-type" });
  await model.close();
});

const header = (entry: unknown, data = f32(1, 2)) => joinSafetensors(JSON.stringify({ w: entry }), data);
const entry = (change: object) => header({ dtype: "F32", shape: [2], data_offsets: [0, 8], ...change });
const faults: readonly (readonly [fault: string, file: Buffer, code: string, words: RegExp])[] = [
  ["an empty file", Buffer.alloc(0), "truncated-file", /ends after 0 bytes/],
  [
    "a Git LFS pointer",
    Buffer.from("version https://git-lfs.github.com/spec/v1\n"),
    "not-a-model",
    /git lfs pull/,
  ],
  ["a header length of 2^62", Buffer.from("0000000000000040" + "7b7d", "hex"), "not-a-model", /length up to/],
  [
    "a header beyond the file",
    Buffer.from("e803000000000000" + "7b7d", "hex"),
    "truncated-file",
    /1000 bytes/,
  ],
  ["a header that is not JSON", joinSafetensors("{w: 1}"), "bad-header", /not JSON/],
  ["an entry that is no object", header(7), "bad-header", /not an object/],
  ["an unknown type", entry({ dtype: "Q9" }), "unknown-tensor-type", /"Q9"/],
  ["a type that is an object", entry({ dtype: {} }), "unknown-tensor-type", /no text/],
  ["a negative axis", entry({ shape: [-2] }), "bad-header", /shape/],
  [
    "axes without end",
    entry({ shape: Array.from({ length: 200_000 }, () => 1) }),
    "bad-header",
    /at most 64 whole/,
  ],
  ["a fractional axis", entry({ shape: [1.5] }), "bad-header", /shape/],
  ["axes whose product overflows", entry({ shape: [2 ** 40, 2 ** 40] }), "bad-header", /needs .* bytes/],
  ["a shape longer than its bytes", entry({ shape: [3] }), "bad-header", /needs 12 bytes/],
  ["offsets the wrong way round", entry({ data_offsets: [8, 0] }), "bad-header", /needs 8 bytes/],
  ["three offsets", entry({ data_offsets: [0, 8, 8] }), "bad-header", /two whole numbers/],
  ["bytes beyond the file", entry({ shape: [4], data_offsets: [0, 16] }), "truncated-file", /16 bytes/],
  ["a gap", header({ dtype: "F32", shape: [1], data_offsets: [4, 8] }), "bad-header", /gap/],
  [
    "bytes of no tensor",
    header({ dtype: "F32", shape: [1], data_offsets: [0, 4] }),
    "bad-header",
    /no tensor/,
  ],
  ["metadata that is no text", writeSafetensors({ w: one }, { format: 1 }), "bad-header", /__metadata__/],
  ["lists in lists", joinSafetensors(`{"w":${"[".repeat(1e5)}`), "bad-header", /nests deeper/],
  [
    "a heap of empty lists",
    joinSafetensors(`{"w":[${"[],".repeat(1e5)}[]]}`),
    "bad-header",
    /objects and lists/,
  ],
  [
    "overlapping tensors",
    joinSafetensors(
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      f32(1, 2),
    ),
    "bad-header",
    /overlaps/,
  ],
];

test.each(faults)("%s: one clear sentence", async (_, file, code, words) => {
  const error: unknown = await openSafetensors(await place({ "model.safetensors": file })).catch(
    (cause) => cause,
  );
  expect(error).toBeInstanceOf(FilesError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
  expect((error as FilesError).message).toContain("model.safetensors");
});

describe("read and refused as by the format's own library, safetensors 0.8", () => {
  const entry = '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
  const open = async (header: string | Buffer, data = f32(1)) => {
    const text = Buffer.from(header);
    const file = Buffer.concat([u64(text.length), text, data]);
    const opened = await openSafetensors(await place({ "model.safetensors": file }));
    await opened.close();
    return [...opened.tensors.keys()];
  };

  test.each([
    ["__metadata__ null", `{"__metadata__":null,${entry}}`],
    ["__metadata__ at the end", `{${entry},"__metadata__":{"format":"pt"}}`],
    ["whitespace around", ` \n\t{${entry}}  \n`],
    ["much whitespace before", `${" ".repeat(100)}{${entry}}`],
    ["a key more", '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"note":[]}}'],
    ["types that are known by their width", '{"a":{"dtype":"F8_E4M3FNUZ","shape":[4],"data_offsets":[0,4]}}'],
    ["an empty tensor between others", `{${entry},"b":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]}}`],
    [
      "a name that is empty, or everybody's prototype",
      `{"":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
    ],
  ])("read: %s", async (_, header) => {
    expect((await open(header)).length).toBeGreaterThan(0);
  });

  test.each<[string, string | Buffer]>([
    ["a byte order mark", `\ufeff{${entry}}`],
    ["NUL bytes behind", `{${entry}}\0\0`],
    [
      "names that are no UTF-8",
      Buffer.concat([Buffer.from('{"'), Buffer.of(0xff), Buffer.from(`":${entry.slice(4)}}`)]),
    ],
    ["types in small letters", `{${entry.replace("F32", "f32")}}`],
    ["__metadata__ of null", `{"__metadata__":{"a":null},${entry}}`],
    ["__metadata__ false", `{"__metadata__":false,${entry}}`],
    ["nothing", ""],
  ])("refused: %s", async (_, header) => {
    await expect(open(header)).rejects.toBeInstanceOf(FilesError);
  });
});

test("a file cut anywhere is refused", async () => {
  const whole = writeSafetensors({ a: { dtype: "F32", shape: [64], data: Buffer.alloc(256) }, b: one });
  for (let cut = 0; cut < 20; cut++) {
    const length = Math.round(4 + (cut / 19) * (whole.length - 1 - 4));
    const opened = openSafetensors(await place({ "model.safetensors": whole.subarray(0, length) }));
    await expect(opened).rejects.toMatchObject({ code: "truncated-file" });
  }
});

describe("a sharded model", () => {
  const index = (map: object) => JSON.stringify({ metadata: {}, weight_map: map });
  const shards = {
    "x.safetensors": writeSafetensors({ a: one }),
    "y.safetensors": writeSafetensors({ b: one }),
  };

  test("reads each tensor from its shard", async () => {
    const path = await place({ "i.json": index({ a: "x.safetensors", b: "y.safetensors" }), ...shards });
    const model = await openShardedSafetensors(path);
    expect([...model.tensors.keys()]).toEqual(["a", "b"]);
    expect(await model.tensors.get("b")!.read()).toEqual(Float32Array.of(1));
    await model.close();
  });

  const broken: readonly (readonly [fault: string, index: string, code: string, words: RegExp])[] = [
    [
      "a missing shard",
      index({ a: "x.safetensors", b: "z.safetensors" }),
      "file-not-found",
      /z\.safetensors/,
    ],
    ["a tensor in the wrong shard", index({ a: "y.safetensors" }), "missing-tensor", /a \(y\.safetensors\)/],
    [
      "a path out of its folder",
      index({ a: "../x.safetensors" }),
      "bad-header",
      /not the path of a \.safetensors file/,
    ],
    [
      "an absolute path",
      index({ a: "/x.safetensors" }),
      "bad-header",
      /not the path of a \.safetensors file/,
    ],
    [
      "a backslash path",
      index({ a: "..\\x.safetensors" }),
      "bad-header",
      /not the path of a \.safetensors file/,
    ],
    ["a shard that is a number", index({ a: 1 }), "bad-header", /not the path of a \.safetensors file/],
    ["no weight_map", "{}", "bad-header", /weight_map/],
    ["no JSON", "{", "bad-header", /not JSON/],
  ];
  test.each(broken)("with %s is refused", async (_, text, code, words) => {
    const opened = openShardedSafetensors(await place({ "i.json": text, ...shards }));
    await expect(opened).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });
});
