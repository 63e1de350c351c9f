/** A model on disk, in either layout: its config, tensors, tokenizer and chat template, nothing loaded yet. */

import { FilesError } from "../errors.js";
import { type GgufFile, openGguf } from "../formats/gguf.js";
import { openSafetensors } from "../formats/safetensors.js";
import { openShardedSafetensors } from "../formats/sharded-safetensors.js";
import type { TensorStore } from "../formats/tensor-source.js";
import type { Place } from "../places/place.js";
import { ConfigSource } from "./config.js";
import { readConfigFile, readFolderText } from "./folder-files.js";
import { readMetadataText, type TextFiles } from "./text-files.js";

export interface Checkpoint extends TextFiles {
  readonly format: "huggingface" | "gguf";
  readonly path: string;
  /** For people. */
  readonly name: string;
  /** The checkpoint's own name for its family. */
  readonly architecture: unknown;
  readonly config: ConfigSource;
  readonly store: TensorStore;
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
    architecture,
    config: new ConfigSource("gguf", path, values, new Set(tensors.keys())),
    store: file,
    ...text,
  };
}

async function openFolder(folder: Place): Promise<Checkpoint> {
  const config = await readConfigFile(folder);
  const text = await readFolderText(folder, config);
  if (!config || !text) throw incomplete(folder.path, { "config.json": config, "tokenizer.json": text });
  const store = await openFolderTensors(folder);
  return {
    format: "huggingface",
    path: folder.path,
    name: folder.name,
    architecture: Array.isArray(config.architectures) ? config.architectures[0] : undefined,
    config: new ConfigSource(
      "huggingface",
      folder.child("config.json").path,
      config,
      new Set(store.tensors.keys()),
    ),
    store,
    ...text,
  };
}

function incomplete(folder: string, files: Readonly<Record<string, unknown>>): FilesError {
  const absent = Object.keys(files).filter((name) => files[name] === undefined);
  return new FilesError(
    "not-a-model",
    `${folder} holds no model: ${absent.join(" and ")} missing. Name a folder in Hugging Face's layout ` +
      "(config.json, tokenizer.json, *.safetensors) or a .gguf file.",
  );
}

async function openFolderTensors(folder: Place): Promise<TensorStore> {
  const index = folder.child("model.safetensors.index.json");
  const single = folder.child("model.safetensors");
  if (await index.kind()) return openShardedSafetensors(index);
  if (await single.kind()) return openSafetensors(single);
  throw new FilesError(
    "not-a-model",
    `${folder.path} has a config but no weights: neither model.safetensors nor model.safetensors.index.json is there. ` +
      "Weights in PyTorch's .bin format are not read; save them as safetensors.",
  );
}
