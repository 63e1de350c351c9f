/** A trained model in Hugging Face's layout, as the ordinary loader reads it. */
import { join } from "node:path";
import { encodeSafetensors, makeFolder, openSafetensors, writeAtomically } from "@amulet-ts/files";
import type { CheckpointTensors } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import type { TokenizerFiles } from "../tokenizer/write-tokenizer.js";
import type { ModelConfig } from "./model-shape.js";

/** Writes config.json, the tokenizer's files and model.safetensors, its numbers rounded to bfloat16. */
export async function saveModel(
  folder: string,
  model: {
    readonly weights: CheckpointTensors;
    readonly config: ModelConfig;
    readonly tokenizer: TokenizerFiles;
  },
): Promise<void> {
  await makeFolder(folder);
  const { weights, config, tokenizer } = model;
  for (const [name, text] of Object.entries(tokenizer)) await writeAtomically(join(folder, name), text);
  await writeAtomically(join(folder, "config.json"), `${JSON.stringify(config, undefined, 2)}\n`);
  const read = [...weights].map(async ([name, tensor]) => {
    return [name, { shape: tensor.shape, values: (await tensor.data()) as Float32Array }] as const;
  });
  const file = encodeSafetensors(new Map(await Promise.all(read)), "BF16");
  await writeAtomically(join(folder, "model.safetensors"), file);
}

/** The weights of a saved model, float32 again; the tensors are the caller's. @throws FilesError */
export async function readWeights(folder: string): Promise<Map<string, tf.Tensor>> {
  const file = await openSafetensors(join(folder, "model.safetensors"));
  try {
    const weights = new Map<string, tf.Tensor>();
    for (const [name, source] of file.tensors)
      weights.set(name, tf.tensor(await source.read(), [...source.shape]));
    return weights;
  } finally {
    await file.close();
  }
}
