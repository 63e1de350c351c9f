/** A model on disk, in either layout: its config, tensors, tokenizer and chat template, nothing loaded yet. */

import { FilesError } from "../errors.js";
import { openGguf } from "../formats/gguf.js";
import type { GgufFile } from "../formats/gguf-file.js";
import { closeOnFailure } from "../formats/model-file.js";
import { openSafetensors } from "../formats/safetensors.js";
import { openShardedSafetensors } from "../formats/sharded-safetensors.js";
import type { TensorStore } from "../formats/tensor-source.js";
import type { Place } from "../places/place.js";
import type { JsonObject } from "../places/read-json.js";
import { isJsonObject } from "../places/read-json.js";
import { ConfigSource } from "./config.js";
import { finiteWeights } from "./finite-weights.js";
import { readConfigFile, readFolderText } from "./folder-files.js";
import { refuseQuantisedConfig, refuseQuantisedTensors } from "./quantisation.js";
import { underUsualNames } from "./tensor-names.js";
import { readMetadataText, type TextFiles } from "./text-files.js";

export interface Checkpoint extends TextFiles {
  readonly format: "huggingface" | "gguf";
  readonly path: string;
  /** For people. */
  readonly name: string;
  readonly names: ArchitectureNames;
  readonly config: ConfigSource;
  readonly store: TensorStore;
}

/** What a checkpoint says of its family, unchecked. */
export interface ArchitectureNames {
  /** Of a GGUF file `general.architecture`, of a folder the first of `architectures`: the class that was saved. */
  readonly architecture: unknown;
  /** Of a folder `model_type`, by which transformers chooses the class that it loads. */
  readonly modelType?: unknown;
}

/**
 * Opens a folder in Hugging Face's layout or a GGUF file. Closing the checkpoint's store closes it.
 *
 * @throws FilesError `file-not-found`, `not-a-model`, and what the formats throw
 */
export async function openCheckpoint(place: Place): Promise<Checkpoint> {
  return (await isFolder(place)) ? openFolder(place) : openGgufCheckpoint(place);
}

/** @throws FilesError `file-not-found` */
export async function isFolder(place: Place): Promise<boolean> {
  const kind = await place.kind();
  if (kind) return kind === "folder";
  throw new FilesError(
    "file-not-found",
    `There is no file or folder ${place.path}. Check the path, or give a hub id such as org/name.`,
  );
}

async function openGgufCheckpoint(place: Place): Promise<Checkpoint> {
  const file = await openGguf(place);
  try {
    return describeGguf(file, place, await readMetadataText(file.metadata));
  } catch (error) {
    await file.close();
    throw error;
  }
}

function describeGguf(file: GgufFile, { path, name }: Place, text: TextFiles): Checkpoint {
  const { metadata, tensors } = file;
  const architecture = metadata.get("general.architecture");
  const prefix = `${String(architecture)}.`;
  const own = [...metadata]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value]);
  // Most files leave the size of the vocabulary to the list of tokens.
  const values = { vocab_size: text.tokenizer.vocabularySize, ...Object.fromEntries(own) };
  return {
    format: "gguf",
    path,
    name: name.replace(/\.gguf$/, ""),
    names: { architecture },
    config: new ConfigSource("gguf", path, values, new Set(tensors.keys())),
    store: finiteWeights(file, path),
    ...text,
  };
}

async function openFolder(folder: Place): Promise<Checkpoint> {
  const config = await readConfigFile(folder);
  if (config) refuseQuantisedConfig(config, folder.path);
  const text = await readFolderText(folder, config);
  if (!config || !text) throw incomplete(folder.path, { "config.json": config, "tokenizer.json": text });
  const store = await openFolderTensors(folder);
  const { path } = folder.child("config.json");
  return {
    format: "huggingface",
    path: folder.path,
    name: folder.name,
    names: architectureNames(config),
    config: folderConfig(config, path, new Set(store.tensors.keys())),
    store,
    ...text,
  };
}

/** The family's names in config.json; of a model with images or sound, those of its text part. */
export function architectureNames(config: JsonObject): ArchitectureNames {
  const { architectures, model_type } = isJsonObject(config.text_config) ? config.text_config : config;
  const architecture = Array.isArray(architectures) ? architectures[0] : architectures;
  // Text parts seldom name a class; then the whole model's is at least known to whoever reads the error.
  const whole = Array.isArray(config.architectures) ? config.architectures[0] : config.architectures;
  return { architecture: architecture ?? whole, modelType: model_type };
}

/**
 * config.json as families read it; of a model with images or sound, what it says of the text part.
 *
 * @param names of the checkpoint's tensors
 */
export function folderConfig(config: JsonObject, path: string, names: ReadonlySet<string>): ConfigSource {
  if (!isJsonObject(config.text_config)) return new ConfigSource("huggingface", path, config, names);
  // Of such a model either level may say whether the head is the embedding, and often neither does.
  const values = { ...config.text_config, tie_word_embeddings: !names.has("lm_head.weight") };
  return new ConfigSource("huggingface", `${path}, text_config`, values, names);
}

function incomplete(folder: string, files: Readonly<Record<string, unknown>>): FilesError {
  const absent = Object.keys(files).filter((name) => files[name] === undefined);
  return new FilesError(
    "not-a-model",
    `${folder} holds no model: ${absent.join(" and ")} missing. Name a folder in Hugging Face's layout ` +
      "(config.json, tokenizer.json, *.safetensors) or a .gguf file.",
  );
}

/** The weights, under usual names. */
async function openFolderTensors(folder: Place): Promise<TensorStore> {
  const store = await openWeightFiles(folder);
  return closeOnFailure(store, async () => {
    refuseQuantisedTensors(store, folder.path);
    return finiteWeights(underUsualNames(store), folder.path);
  });
}

/** The one file before the index of several, as transformers looks for them: an index may be left from older weights. */
async function openWeightFiles(folder: Place): Promise<TensorStore> {
  const single = folder.child("model.safetensors");
  const index = folder.child("model.safetensors.index.json");
  if (await single.kind()) return openSafetensors(single);
  if (await index.kind()) return openShardedSafetensors(index);
  throw new FilesError(
    "not-a-model",
    `${folder.path} has a config but no weights: neither model.safetensors nor model.safetensors.index.json is there. ` +
      "Weights in PyTorch's .bin format are not read; save them as safetensors.",
  );
}
