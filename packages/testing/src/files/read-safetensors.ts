/** Reads a float32 safetensors file whole: eight bytes of header length, a JSON header, the arrays. */
import { readFileSync } from "node:fs";
import type { oracles } from "@amulet-ts/verify";

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

export function readSafetensors(path: string): oracles.PlainTensors {
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header: Record<string, Entry> = JSON.parse(file.toString("utf8", 8, start));
  const tensors = new Map<string, oracles.PlainTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F32") throw new Error(`${name} is ${dtype}; this reader knows F32 only.`);
    const bytes = file.subarray(start + data_offsets[0], start + data_offsets[1]);
    const data = Float64Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
    tensors.set(name, { shape, data });
  }
  return tensors;
}
