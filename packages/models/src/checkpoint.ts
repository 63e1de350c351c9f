/** A model on disk, in either layout: its config, tensors, tokenizer and chat template, nothing loaded yet. */
import { readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { ConfigSource } from "./config.js";
import { ModelError } from "./errors.js";
import { type GgufFile, openGguf } from "./formats/gguf.js";
import { openSafetensors } from "./formats/safetensors.js";
import { openShardedSafetensors } from "./formats/sharded-safetensors.js";
import type { TensorStore } from "./formats/tensor-source.js";
import {
  findChatTemplate,
  parseTokenizerConfig,
  type Tokenizer,
  tokenizerFromGguf,
  tokenizerFromJson,
} from "./tokenizer/index.js";

export interface Checkpoint {
  readonly format: "huggingface" | "gguf";
  readonly path: string;
  /** For people. */
  readonly name: string;
  /** The checkpoint's own name for its family. */
  readonly architecture: unknown;
  readonly config: ConfigSource;
  readonly store: TensorStore;
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: string | undefined;
}

/**
 * Opens a folder in Hugging Face's layout or a GGUF file. Closing the checkpoint's store closes it.
 *
 * @throws ModelError `file-not-found`, `not-a-model`, and what the formats throw
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const found = await stat(path).catch(() => undefined);
  if (!found)
    throw new ModelError(
      "file-not-found",
      `There is no file or folder ${path}. Check the path, or give a hub id such as org/name.`,
    );
  return found.isDirectory() ? openFolder(path) : openGgufCheckpoint(path);
}

async function openGgufCheckpoint(path: string): Promise<Checkpoint> {
  const file = await openGguf(path);
  try {
    return describeGguf(file, path);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function describeGguf(file: GgufFile, path: string): Checkpoint {
  const { metadata, tensors } = file;
  const architecture = metadata.get("general.architecture");
  const prefix = `${String(architecture)}.`;
  const own = [...metadata]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value]);
  const tokenizer = tokenizerFromGguf(metadata);
  // Most files leave the size of the vocabulary to the list of tokens.
  const values = { vocab_size: tokenizer.vocabularySize, ...Object.fromEntries(own) };
  return {
    format: "gguf",
    path,
    name: basename(path, ".gguf"),
    architecture,
    config: new ConfigSource("gguf", path, values, new Set(tensors.keys())),
    store: file,
    tokenizer,
    chatTemplate: findChatTemplate({ metadata }),
  };
}

async function openFolder(folder: string): Promise<Checkpoint> {
  const readText = (name: string) => readOptional(join(folder, name));
  const configText = await readText("config.json");
  const tokenizerText = await readText("tokenizer.json");
  const absent = [configText ?? "config.json", tokenizerText ?? "tokenizer.json"].filter((name) =>
    name.endsWith(".json"),
  );
  if (configText === undefined || tokenizerText === undefined) {
    throw new ModelError(
      "not-a-model",
      `${folder} holds no model: ${absent.join(" and ")} missing. Name a folder in Hugging Face's layout ` +
        "(config.json, tokenizer.json, *.safetensors) or a .gguf file.",
    );
  }
  const config = parseConfig(configText, join(folder, "config.json"));
  const generation = parseConfig(
    (await readText("generation_config.json")) ?? "{}",
    join(folder, "generation_config.json"),
  );
  const tokenizerConfig = await readText("tokenizer_config.json");
  const tokenizer = tokenizerFromJson({
    tokenizer: tokenizerText,
    config: tokenizerConfig,
    endTokens: [generation.eos_token_id, config.eos_token_id].flat().filter((id) => typeof id === "number"),
  });
  const chatTemplate = findChatTemplate({
    jinja: await readText("chat_template.jinja"),
    config: tokenizerConfig === undefined ? undefined : parseTokenizerConfig(tokenizerConfig),
  });
  const store = await openFolderTensors(folder);
  return {
    format: "huggingface",
    path: folder,
    name: basename(resolve(folder)),
    architecture: Array.isArray(config.architectures) ? config.architectures[0] : undefined,
    config: new ConfigSource(
      "huggingface",
      join(folder, "config.json"),
      config,
      new Set(store.tensors.keys()),
    ),
    store,
    tokenizer,
    chatTemplate,
  };
}

async function openFolderTensors(folder: string): Promise<TensorStore> {
  const index = join(folder, "model.safetensors.index.json");
  const single = join(folder, "model.safetensors");
  if (await stat(index).catch(() => undefined)) return openShardedSafetensors(index);
  if (await stat(single).catch(() => undefined)) return openSafetensors(single);
  throw new ModelError(
    "not-a-model",
    `${folder} has a config but no weights: neither model.safetensors nor model.safetensors.index.json is there. ` +
      "Weights in PyTorch's .bin format are not read; save them as safetensors.",
  );
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ModelError("not-a-model", `${path} can't be read: ${(cause as Error).message}.`, { cause });
  }
}

function parseConfig(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ModelError(
      "bad-config",
      `${path} is not JSON: ${(cause as Error).message}. Fetch the file again.`,
      { cause },
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new ModelError("bad-config", `${path} must hold a JSON object.`);
}
