/** Rows as the file has them: its own bytes, and what `read` gives once they are decoded. */

import { place, writeSafetensors } from "@amulet-ts/testing/files/checkpoint-writer";
import { drawTensor, fileOf, storedTypes } from "@amulet-ts/testing/files/stored-tensors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StoredRows, TensorSource } from "../../src/formats/tensor-source.js";
import { openGguf, openSafetensors } from "./on-disk.js";

const bitsOf = (numbers: Float32Array) => new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);

function decode({ type, bytes }: StoredRows): Float32Array {
  const numbers = new Float32Array((bytes.length / type.bytesPerBlock) * type.blockSize);
  type.decode(bytes, numbers);
  return numbers;
}

async function withTensor(
  file: Buffer,
  name: string,
  run: (tensor: TensorSource) => Promise<void>,
): Promise<void> {
  const store = await openGguf(await place({ "stored.gguf": file }));
  try {
    await run(store.tensors.get(name)!);
  } finally {
    await store.close();
  }
}

describe.each(storedTypes)("%s", (name, id, type) => {
  const [rows, blocksInRow] = [5, 2];
  const rowBytes = blocksInRow * type.bytesPerBlock;
  const written = drawTensor(id, rows, blocksInRow, 7 + id);
  // A tensor before it, so that its bytes do not begin where the data does.
  const file = fileOf({ ...drawTensor(id, 1, 1, 3), name: "before" }, written);

  test("all rows, and any of them, are the file's bytes", async () => {
    await withTensor(file, name, async (tensor) => {
      const all = await tensor.readStored();
      expect(all.type.name).toBe(name);
      expect(Buffer.from(all.bytes).equals(written.data)).toBe(true);
      await fc.assert(
        fc.asyncProperty(fc.nat(rows), fc.nat(rows), async (a, b) => {
          const [first, count] = [Math.min(a, b), Math.abs(a - b)];
          const { bytes } = await tensor.readStored(first, count);
          const own = written.data.subarray(first * rowBytes, (first + count) * rowBytes);
          expect(Buffer.from(bytes).equals(own)).toBe(true);
        }),
        { numRuns: 20 },
      );
      expect((await tensor.readStored(2)).bytes.length).toBe((rows - 2) * rowBytes);
    });
  });

  test("decoded they are what is read", async () => {
    await withTensor(file, name, async (tensor) => {
      expect(bitsOf(decode(await tensor.readStored()))).toEqual(bitsOf(await tensor.read()));
      expect(bitsOf(decode(await tensor.readStored(1, 3)))).toEqual(bitsOf(await tensor.readRows(1, 3)));
    });
  });
});

test("rows that the tensor does not have, and parts of a block, are refused", async () => {
  const rowsOfOne = { ...drawTensor(2, 2, 1, 1), name: "q", shape: [64] };
  await withTensor(fileOf(rowsOfOne), "q", async (tensor) => {
    expect((await tensor.readStored(32, 32)).bytes.length).toBe(18);
    for (const [first, count] of [[1, 32], [0, 1], [32, 64], [-32, 32], [96]] as const)
      await expect(tensor.readStored(first, count)).rejects.toMatchObject({ code: "bad-tensor-shape" });
  });
});

test("a type that is not read as weights comes as bytes, and decoding them is refused", async () => {
  const file = writeSafetensors({
    mask: { dtype: "BOOL", shape: [3], data: Buffer.of(1, 0, 1) },
    w: { dtype: "BF16", shape: [2], data: Buffer.of(0x80, 0x3f, 0x00, 0xc0) },
  });
  const store = await openSafetensors(await place({ "model.safetensors": file }));
  const mask = await store.tensors.get("mask")!.readStored(1);
  expect([...mask.bytes]).toEqual([0, 1]);
  expect(() => decode(mask)).toThrow(expect.objectContaining({ code: "unknown-tensor-type" }));
  expect([...decode(await store.tensors.get("w")!.readStored())]).toEqual([1, -2]);
  await store.close();
});
