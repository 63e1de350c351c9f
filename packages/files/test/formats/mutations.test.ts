import { writeFile } from "node:fs/promises";
import { join } from "node:path";
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

const runs = 2000;
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

/** "" for a correct load or a clear error; else what came instead. */
async function judge(open: () => Promise<TensorStore>): Promise<string> {
  let store: TensorStore | undefined;
  try {
    store = await open();
    for (const tensor of store.tensors.values()) await tensor.read();
    return "";
  } catch (error) {
    if (error instanceof FilesError && error.message.length < 2000) return "";
    return String(error);
  } finally {
    await store?.close();
  }
}

async function survive(
  file: Buffer,
  headerLength: number,
  open: (path: string) => Promise<TensorStore>,
): Promise<void> {
  const path = join(await makeFolder(), "mutant");
  expect(await judge(() => writeFile(path, file).then(() => open(path)))).toBe("");
  const draw = seeded(20_250);
  for (let run = 0; run < runs; run++) {
    await writeFile(path, mutate(file, headerLength, draw));
    expect(`run ${run}: ${await withinTime(judge(() => open(path)))}`).toBe(`run ${run}: `);
  }
}

async function withinTime(verdict: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("it hangs"), hang);
  });
  return Promise.race([verdict, late]).finally(() => clearTimeout(timer));
}

test("2,000 mutations of a GGUF header: a clear error or a load", async () => {
  const tensors = ["a", "b", "c"].map((name) => float32Tensor(name, [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]));
  const entries = [
    stringEntry("general.architecture", "llama"),
    uint32Entry("general.alignment", 32),
    ["tokens", 9, list(8, ["one", "two", "three"].map(text))] as const,
    ["nested", 9, list(9, [list(4, [u32(1)])])] as const,
  ];
  const file = writeGguf({ entries, tensors });
  await survive(file, file.length - 3 * 32, openGguf);
});

test("2,000 mutations of a safetensors header: a clear error or a load", async () => {
  const tensor = { dtype: "F32", shape: [2, 2], data: f32(1, 2, 3, 4) };
  const file = writeSafetensors(
    { a: tensor, b: tensor, c: { ...tensor, dtype: "F64", shape: [2] } },
    { format: "pt" },
  );
  await survive(file, file.length - 48, openSafetensors);
});
