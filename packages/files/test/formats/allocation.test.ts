/** A hostile header asks for memory: what is allocated at once stays in proportion to the file. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  f32,
  makeFolder,
  stringEntry,
  u64,
  writeGguf,
  writeSafetensors,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TensorStore } from "../../src/formats/tensor-source.js";
import { openGguf, openSafetensors } from "./on-disk.js";

/** Bytes of the largest allocation since the last reset, as far as JavaScript is asked for one by length. */
let largest = 0;
const note = (bytes: number) => {
  largest = Math.max(largest, bytes);
};

beforeEach(() => {
  const arrays = [
    Uint8Array,
    Uint16Array,
    Uint32Array,
    Int8Array,
    Int16Array,
    Int32Array,
    Float32Array,
    Float64Array,
  ];
  for (const type of [...arrays, BigInt64Array, BigUint64Array, ArrayBuffer, Array]) {
    const width = "BYTES_PER_ELEMENT" in type ? type.BYTES_PER_ELEMENT : type === Array ? 8 : 1;
    vi.stubGlobal(
      type.name,
      new Proxy(type, {
        construct(target, words, newTarget) {
          if (typeof words[0] === "number") note(words[0] * width);
          return Reflect.construct(target, words, newTarget);
        },
      }),
    );
  }
  const from = Array.from.bind(Array) as (...words: unknown[]) => unknown[];
  vi.spyOn(Array, "from").mockImplementation((...words: unknown[]) => {
    const { length } = words[0] as ArrayLike<unknown>;
    if (typeof length === "number") note(8 * length);
    return from(...words);
  });
  for (const name of ["alloc", "allocUnsafe", "allocUnsafeSlow"] as const) {
    const original = Buffer[name].bind(Buffer);
    vi.spyOn(Buffer, name).mockImplementation((size: number) => {
      note(size);
      return original(size);
    });
  }
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Opens the file and reads each tensor that its header still announces. */
async function readAll(open: (path: string) => Promise<TensorStore>, path: string): Promise<void> {
  let store: TensorStore | undefined;
  try {
    store = await open(path);
    for (const tensor of store.tensors.values()) await tensor.read();
  } catch {
    // Which error it is, other tests say.
  } finally {
    await store?.close();
  }
}

const hugeNumbers = [
  2n ** 16n,
  2n ** 24n,
  2n ** 31n,
  2n ** 32n,
  2n ** 40n,
  2n ** 53n,
  2n ** 62n,
  2n ** 64n - 1n,
];

/** At every 4th byte of the header, every huge number: counts, lengths, axes, offsets, whatever lies there. */
async function expectProportion(
  file: Buffer,
  headerLength: number,
  open: (path: string) => Promise<TensorStore>,
): Promise<void> {
  const path = join(await makeFolder(), "hostile");
  for (let at = 4; at + 8 <= headerLength; at += 4) {
    const changed = Buffer.from(file);
    u64(hugeNumbers[(at / 4) % hugeNumbers.length]!).copy(changed, at);
    await writeFile(path, changed);
    largest = 0;
    await readAll(open, path);
    expect(largest, `a huge number at byte ${at}`).toBeLessThanOrEqual(8 * file.length);
  }
}

test("GGUF: no allocation beyond 8 times the file, with a huge number anywhere in the header", async () => {
  const { entries, tensors } = tinyLlama();
  // So that the reader's own window, of a fixed size, is small beside the file.
  const padding = stringEntry("general.description", "x".repeat(200_000));
  const file = writeGguf({ entries: [...entries, padding], tensors });
  await expectProportion(file, writeGguf({ entries, tensors: [] }).length, openGguf);
});

test("safetensors: no allocation beyond 8 times the file, with a huge length or huge numbers in the header", async () => {
  const tensor = { dtype: "F32", shape: [100, 100], data: f32(...Array(10_000).fill(1)) };
  const file = writeSafetensors({ a: tensor, b: tensor });
  await expectProportion(file, 12, openSafetensors);
  const path = join(await makeFolder(), "hostile");
  for (const huge of ["1e9", "4294967296", "9007199254740993", "1e300"]) {
    for (const known of ["100", "40000", "80000"]) {
      await writeFile(path, Buffer.from(file.toString("latin1").replace(known, huge), "latin1"));
      largest = 0;
      await readAll(openSafetensors, path);
      expect(largest, `${huge} for ${known}`).toBeLessThanOrEqual(8 * file.length);
    }
  }
});
