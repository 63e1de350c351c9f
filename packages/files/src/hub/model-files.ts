import { FilesError } from "../errors.js";
import { formatModelId, type ModelId } from "./model-id.js";

/*
 * Which files of a repository a model needs. A checkpoint lies at the repository's root; other precisions, ONNX
 * exports, original formats and adapters beside it are left alone.
 */

/** Files a checkpoint may have beside config.json and its weights. */
export const OPTIONAL_FILES = [
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "chat_template.jinja",
] as const;

const CONFIG = "config.json";
const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const SHARD = /^model-(\d{5})-of-(\d{5})\.safetensors$/;
const TOKENIZER = /^tokenizer[\w.-]*\.json$/;
const PART = /-(\d{5})-of-(\d{5})\.gguf$/i;

interface ListedFile {
  readonly path: string;
  readonly size?: number;
}

/**
 * The paths to fetch, out of all the repository has.
 * @throws FilesError `file-not-found` when it has no such GGUF file, or no checkpoint; it lists what is there.
 */
export function selectFiles(id: ModelId, files: readonly ListedFile[]): string[] {
  const paths = files.map(({ path }) => path);
  if (id.file === undefined) return selectCheckpoint(id, files);
  const missing = ggufParts(id.file).filter((part) => !paths.includes(part));
  if (missing.length === 0) return ggufParts(id.file);
  throw new FilesError(
    "file-not-found",
    `${id.repository} has no file ${missing.join(", ")}. ${listGgufs(id, files) || "It has no GGUF file at all."}`,
  );
}

/** All parts of a GGUF file, in order: itself, unless it is called `…-0000I-of-0000N.gguf`. */
export function ggufParts(path: string): string[] {
  const count = PART.exec(path)?.[2];
  if (count === undefined) return [path];
  const name = (part: number) =>
    path.replace(PART, (all) => all.replace(/^-\d{5}/, `-${String(part).padStart(5, "0")}`));
  return Array.from({ length: Number(count) }, (_, index) => name(index + 1));
}

/** Whether a GGUF file is one that `--model` may name: a whole file or a first part, and no vision projector. */
export function isGgufEntry(path: string): boolean {
  return /\.gguf$/i.test(path) && ggufParts(path)[0] === path && !/(^|\/)mmproj/i.test(path);
}

/** The weight files of a checkpoint among the names at its root, as transformers would choose them. */
export function weightFiles(names: readonly string[]): string[] {
  if (names.includes(SINGLE)) return [SINGLE];
  const shards = names.filter((name) => SHARD.test(name)).sort();
  if (shards.length > 0) return names.includes(INDEX) ? [...shards, INDEX] : shards;
  return names.filter((name) => /^[^/]+\.safetensors$/.test(name) && !name.startsWith("adapter_"));
}

/** Whether the names make a checkpoint: config.json and every shard of the weights. */
export function isWholeCheckpoint(names: readonly string[]): boolean {
  const weights = weightFiles(names);
  const shards = weights.filter((name) => SHARD.test(name));
  const count = Number(SHARD.exec(shards[0] ?? "")?.[2] ?? shards.length);
  return names.includes(CONFIG) && weights.length > 0 && shards.length === count;
}

function selectCheckpoint(id: ModelId, files: readonly ListedFile[]): string[] {
  const names = files.map(({ path }) => path).filter((path) => !path.includes("/"));
  if (!isWholeCheckpoint(names)) throw noCheckpoint(id, files, names);
  const beside = names.filter((name) => TOKENIZER.test(name) || OPTIONAL_FILES.some((file) => file === name));
  return [...new Set([CONFIG, ...beside, ...weightFiles(names)])];
}

function noCheckpoint(id: ModelId, files: readonly ListedFile[], names: readonly string[]): FilesError {
  const ggufs = listGgufs(id, files);
  if (ggufs && weightFiles(names).length === 0)
    return new FilesError("file-not-found", `${id.repository} holds GGUF files: name one. ${ggufs}`);
  const wanted = names.includes(CONFIG) ? "weights in *.safetensors" : CONFIG;
  const other = names.filter((name) => /\.(bin|pt|pth|onnx|h5|msgpack)$/.test(name)).slice(0, 3);
  const has = other.length > 0 ? ` (it has ${other.join(", ")}, which are not read here)` : "";
  const message = `${id.repository} is no whole checkpoint: it lacks ${wanted}${has}.`;
  return new FilesError("file-not-found", `${message} Choose a repository with safetensors, or a GGUF file.`);
}

const MOST_LISTED = 40;

function listGgufs(id: ModelId, files: readonly ListedFile[]): string {
  const sizes = new Map(files.map(({ path, size }) => [path, size ?? 0]));
  const entries = [...sizes.keys()].filter(isGgufEntry).sort();
  const lines = entries.slice(0, MOST_LISTED).map((file) => {
    const bytes = ggufParts(file).reduce((sum, part) => sum + (sizes.get(part) ?? 0), 0);
    return `\n  ${formatModelId({ ...id, file })}${bytes > 0 ? `  ${formatBytes(bytes)}` : ""}`;
  });
  if (entries.length > MOST_LISTED) lines.push(`\n  and ${entries.length - MOST_LISTED} more`);
  return lines.length > 0 ? `There are:${lines.join("")}` : "";
}

/** Bytes for people, in decimal units as the hub's pages show them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
