import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { openSafetensors } from "@amulet-ts/files";
import { conditionOf, halfTolerance } from "../backends/tolerance.js";

/**
 * How far llama.cpp's logits of the embedded model may be from the exact ones. It rounds queries, keys and values to float16
 * and sums values in it, S of them: √(3 + S) roundings of 2^-11, which act as if the weights were off by that much; 2 for
 * the luck of one draw of signs, as in docs/tolerances.md. Float32's own roundings are thousands of times smaller.
 */
export async function float16CacheTolerance(row: readonly number[]): Promise<number> {
  return 2 * Math.sqrt(3 + row.length) * 2 ** -11 * conditionOf(await readEmbedded(), row);
}

/** The same for products in f16. */
export async function halfProductsTolerance(row: readonly number[]): Promise<number> {
  return halfTolerance(await readEmbedded(), row);
}

/** The embedded model as the oracles read it. */
async function readEmbedded(): Promise<Parameters<typeof conditionOf>[0]> {
  const config = JSON.parse(await readFile(join(embeddedModelFolder, "config.json"), "utf8"));
  const file = await openSafetensors(join(embeddedModelFolder, "model.safetensors"));
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, source] of file.tensors)
    tensors.set(name, { shape: source.shape, data: await source.read() });
  await file.close();
  return { family: "llama", config, tensors };
}
