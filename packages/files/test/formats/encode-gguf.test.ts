/** What is written is what another writer writes, and what the reader reads. */
import { f32, list, place, text, u32, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { expect, test } from "vitest";
import { encodeGguf, encodeGgufHeader, type GgufValue, ggufPadding, openGguf } from "../../src/index.js";

const metadata: Record<string, GgufValue> = {
  "general.architecture": { text: "llama" },
  "llama.block_count": { uint32: 3 },
  "llama.rope.freq_base": { float32: 1e4 },
  "tokenizer.ggml.add_bos_token": { bool: true },
  "tokenizer.ggml.tokens": { texts: ["a", "é", ""] },
  "tokenizer.ggml.token_type": { int32s: [1, -3] },
};
const tensors = new Map([
  ["odd", { shape: [3], values: Float32Array.of(1, 2, 3) }],
  ["matrix", { shape: [2, 5], values: Float32Array.from({ length: 10 }, (_, i) => i / 7) }],
]);

test("bytes are those of the tests' own writer", () => {
  const expected = writeGguf({
    entries: [
      ["general.architecture", 8, text("llama")],
      ["llama.block_count", 4, u32(3)],
      ["llama.rope.freq_base", 6, f32(1e4)],
      ["tokenizer.ggml.add_bos_token", 7, Buffer.of(1)],
      ["tokenizer.ggml.tokens", 9, list(8, ["a", "é", ""].map(text))],
      [
        "tokenizer.ggml.token_type",
        9,
        list(
          5,
          [1, -3].map((type) => Buffer.from(Int32Array.of(type).buffer)),
        ),
      ],
    ],
    tensors: [...tensors].map(([name, { shape, values }]) => ({
      name,
      shape,
      type: 0,
      data: f32(...values),
    })),
  });
  expect(Buffer.from(encodeGguf(metadata, tensors))).toEqual(expected);
});

test("a file comes back as it was", async () => {
  const file = await openGguf(await place({ "a.gguf": Buffer.from(encodeGguf(metadata, tensors)) }));
  expect(file.metadata.get("llama.rope.freq_base")).toBe(1e4);
  expect(file.metadata.get("tokenizer.ggml.tokens")).toEqual(["a", "é", ""]);
  expect([...(await file.tensors.get("matrix")!.read())]).toEqual([...tensors.get("matrix")!.values]);
  await file.close();
});

test("a header alone says where tensors of other types will lie", async () => {
  const entries = [
    { name: "a", shape: [1, 32], type: 2, byteLength: 18 },
    { name: "b", shape: [2, 32], type: 2, byteLength: 36 },
  ];
  const data = entries.flatMap(({ byteLength }) => [
    Buffer.alloc(byteLength, 1),
    Buffer.alloc(ggufPadding(byteLength)),
  ]);
  const file = await openGguf(
    await place({ "q.gguf": Buffer.concat([encodeGgufHeader({}, entries), ...data]) }),
  );
  expect(file.tensors.get("b")!.shape).toEqual([2, 32]);
  expect((await file.tensors.get("b")!.read()).length).toBe(64);
  await file.close();
});
