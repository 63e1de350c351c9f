import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  f32,
  float32Tensor,
  list,
  makeFolder,
  stringEntry,
  text,
  u32,
  uint32Entry,
  writeGguf,
  writeSafetensors,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { expect, test } from "vitest";
import { FilesError } from "../../src/errors.js";
import type { TensorStore } from "../../src/formats/tensor-source.js";
import { openGguf, openSafetensors } from "./on-disk.js";
import { type PlainTensor, plainGguf, plainSafetensors } from "./plain-tables.js";

const runs = 1000;
/** Only a guard against hanging; a mutation takes about a millisecond. */
const hang = 10_000;

/** Park and Miller's generator: enough for picking places, and the same everywhere. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

const numbers = [0, 1, 2, 8, 9, 13, 31, 255, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** One to three bit flips, a cut, or a whole 32- or 64-bit number replaced, within the header. */
function mutate(file: Buffer, headerLength: number, draw: (below: number) => number): Buffer {
  const mutant = Buffer.from(file);
  const kind = draw(3);
  if (kind === 0) return mutant.subarray(0, draw(file.length));
  if (kind === 1) {
    for (let flips = draw(3); flips >= 0; flips--) mutant[draw(headerLength)]! ^= 1 << draw(8);
    return mutant;
  }
  const at = draw(headerLength - 8);
  mutant.writeUInt32LE(numbers[draw(numbers.length)]!, at);
  if (draw(2) === 0) mutant.writeUInt32LE(numbers[draw(numbers.length)]!, at + 4);
  return mutant;
}

type Open = (path: string) => Promise<TensorStore>;
type Read = (file: Buffer) => ReadonlyMap<string, PlainTensor>;

/** "loaded" where all tensors are those that the bytes say, "refused" for a clear error; else what came instead. */
async function judge(file: Buffer, open: () => Promise<TensorStore>, read: Read): Promise<string> {
  let store: TensorStore | undefined;
  try {
    store = await open();
    const tensors = new Map<string, PlainTensor>();
    for (const tensor of store.tensors.values()) {
      await tensor.read();
      const { bytes } = await tensor.readStored();
      tensors.set(tensor.name, { type: tensor.type, shape: tensor.shape, bytes: Buffer.from(bytes) });
    }
    return isDeepStrictEqual(tensors, read(file)) ? "loaded" : "it loads other tensors than the file has";
  } catch (error) {
    if (error instanceof FilesError && error.message.length < 2000) return "refused";
    return String(error);
  } finally {
    await store?.close();
  }
}

/** Random ones, and each byte of the header with its case changed, one more, and as an 8. */
function* mutantsOf(file: Buffer, headerLength: number): Generator<Buffer> {
  const draw = seeded(20_250);
  for (let run = 0; run < runs; run++) yield mutate(file, headerLength, draw);
  for (const [at, byte] of file.subarray(0, headerLength).entries())
    for (const other of [byte ^ 0x20, byte + 1, 8]) {
      const mutant = Buffer.from(file);
      mutant[at] = other;
      yield mutant;
    }
}

/** How many of the mutants load. A reader that refuses everything would pass too. */
async function survive(file: Buffer, headerLength: number, open: Open, read: Read): Promise<number> {
  const path = join(await makeFolder(), "mutant");
  await writeFile(path, file);
  expect(await judge(file, () => open(path), read)).toBe("loaded");
  let loaded = 0;
  for (const [run, mutant] of [...mutantsOf(file, headerLength)].entries()) {
    await writeFile(path, mutant);
    const verdict = await withinTime(judge(mutant, () => open(path), read));
    expect({ run, verdict }).toEqual({ run, verdict: expect.stringMatching(/^(loaded|refused)$/) });
    if (verdict === "loaded") loaded++;
  }
  return loaded;
}

async function withinTime(verdict: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("it hangs"), hang);
  });
  return Promise.race([verdict, late]).finally(() => clearTimeout(timer));
}

test("1,000 mutations, and each byte changed, of a GGUF header: a clear error, or the tensors that the bytes say", async () => {
  const tensors = ["a", "b", "c"].map((name) =>
    float32Tensor(name, [2, 4], [1, 2, 3, 4, 5, 6, 7, name.charCodeAt(0)]),
  );
  const entries = [
    stringEntry("general.architecture", "llama"),
    uint32Entry("general.alignment", 32),
    ["tokens", 9, list(8, ["one", "two", "three"].map(text))] as const,
    ["nested", 9, list(9, [list(4, [u32(1)])])] as const,
  ];
  const file = writeGguf({ entries, tensors });
  expect(await survive(file, file.length - 3 * 32, openGguf, plainGguf)).toBeGreaterThan(100);
});

test("1,000 mutations, and each byte changed, of a safetensors header: a clear error, or the tensors that the bytes say", async () => {
  const tensor = { dtype: "F32", shape: [2, 2], data: f32(1, 2, 3, 4) };
  const file = writeSafetensors(
    { a: tensor, b: { ...tensor, data: f32(5, 6, 7, 8) }, c: { ...tensor, dtype: "F64", shape: [2] } },
    { format: "pt" },
  );
  expect(await survive(file, file.length - 48, openSafetensors, plainSafetensors)).toBeGreaterThan(10);
});
