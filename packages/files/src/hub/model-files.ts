import { FilesError } from "../errors.js";
import { formatModelId, type ModelId } from "./model-id.js";

/*
 * Which files of a repository a model needs. A checkpoint lies at the repository's root; other precisions, ONNX
 * exports, original formats and adapters beside it are left alone.
 */

/** Files a checkpoint may have beside those that it must have. */
export const optionalFiles = [
  "generation_config.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
] as const;

/** Files without which none is opened. */
export const requiredFiles = ["config.json", "tokenizer.json"] as const;

/** All weights in one file, or which file has which of them. Where both are there, the one file counts. */
export const singleFile = "model.safetensors";
export const indexFile = "model.safetensors.index.json";
const tokenizer = /^tokenizer[\w.-]*\.json$/;
const partPattern = /-(\d{5})-of-(\d{5})\.gguf$/i;

/** What describes a model is read whole; the longest known tokenizers have a quarter of it. */
const mostDescribed = 128 * 2 ** 20;

interface ListedFile {
  readonly path: string;
  readonly size?: number;
}

/**
 * The GGUF file that is meant, with all its parts.
 * @throws FilesError `file-not-found` when the repository lacks one; it lists what is there.
 */
export function selectGguf(id: ModelId, file: string, files: readonly ListedFile[]): string[] {
  const missing = missingFrom(files, ggufParts(file));
  if (missing.length === 0) return ggufParts(file);
  throw new FilesError(
    "file-not-found",
    `${id.repository} has no file ${missing.join(", ")}. ${listGgufs(id, files) || "It has no GGUF file at all."}`,
  );
}

/** All parts of a GGUF file, in order: itself, unless it is called `…-0000I-of-0000N.gguf`. */
export function ggufParts(path: string): string[] {
  const count = partPattern.exec(path)?.[2];
  if (count === undefined) return [path];
  const name = (part: number) =>
    path.replace(partPattern, (all) => all.replace(/^-\d{5}/, `-${String(part).padStart(5, "0")}`));
  return Array.from({ length: Number(count) }, (_, index) => name(index + 1));
}

/** Whether a GGUF file is one that `--model` may name: a whole file or a first part, and no vision projector. */
export function isGgufEntry(path: string): boolean {
  return /\.gguf$/i.test(path) && ggufParts(path)[0] === path && !/(^|\/)mmproj/i.test(path);
}

/**
 * What describes a checkpoint: config, tokenizer, templates, and the index of its weights where they are in several files.
 * @throws FilesError `file-not-found` when the repository lacks what no checkpoint can lack.
 */
export function selectDescription(id: ModelId, files: readonly ListedFile[]): string[] {
  const names = files.map(({ path }) => path).filter((path) => !path.includes("/"));
  const lacking = requiredFiles.filter((name) => !names.includes(name));
  const weights = [singleFile, indexFile].find((name) => names.includes(name));
  if (weights === undefined || lacking.length > 0)
    throw noCheckpoint(id, files, names, weights === undefined ? [...lacking, singleFile] : lacking);
  const described = describingFiles(names, weights);
  const huge = files.find(({ path, size = 0 }) => described.includes(path) && size > mostDescribed);
  if (huge === undefined) return described;
  throw new FilesError(
    "file-not-found",
    `${id.repository} is no checkpoint: its ${huge.path} has ${formatBytes(huge.size ?? 0)}, which no such file has.`,
  );
}

function describingFiles(names: readonly string[], weights: string): string[] {
  const beside = names.filter((name) => tokenizer.test(name) || optionalFiles.some((file) => file === name));
  return [...new Set([...requiredFiles, ...beside, ...(weights === indexFile ? [indexFile] : [])])];
}

/**
 * Sees that the files that an index names are in the repository.
 * @throws FilesError `file-not-found` when one is not, or none is named.
 */
export function refuseMissing(
  { repository }: ModelId,
  files: readonly ListedFile[],
  indexed: readonly string[],
): void {
  const missing = missingFrom(files, indexed);
  if (missing.length === 0 && indexed.length > 0) return;
  const lacks =
    indexed.length === 0
      ? `its ${indexFile} names no file`
      : `its ${indexFile} names ${indexed.length} files, and ${missing.length} of them are not there (${list(missing)})`;
  throw new FilesError("file-not-found", `${repository} is no whole checkpoint: ${lacks}. ${elsewhere}`);
}

const elsewhere = "Choose a repository with whole weights in safetensors, or a GGUF file.";

function missingFrom(files: readonly ListedFile[], wanted: readonly string[]): string[] {
  const there = new Set(files.map(({ path }) => path));
  return wanted.filter((path) => !there.has(path));
}

function noCheckpoint(
  id: ModelId,
  files: readonly ListedFile[],
  names: readonly string[],
  lacking: readonly string[],
): FilesError {
  const ggufs = listGgufs(id, files);
  if (ggufs && lacking.includes(singleFile))
    return new FilesError("file-not-found", `${id.repository} holds GGUF files: name one. ${ggufs}`);
  const lacks = lacking
    .map((name) => (name === singleFile ? `${singleFile} or ${indexFile}` : name))
    .join(" and ");
  const message = `${id.repository} is no whole checkpoint: it lacks ${lacks}${describeOthers(names)}.`;
  return new FilesError("file-not-found", `${message} ${elsewhere}`);
}

/** What is there in place of what is missing. */
function describeOthers(names: readonly string[]): string {
  if (names.includes("adapter_config.json"))
    return " (it holds an adapter: merge it into its model, and save that)";
  const others = [/\.safetensors$/, /\.(bin|pt|pth|onnx|h5|msgpack)$/, /^(tokenizer\.model|vocab\.json)$/];
  const found = others.flatMap((pattern) => names.filter((name) => pattern.test(name)));
  return found.length > 0 ? ` (it has ${list(found)}; those alone are not read)` : "";
}

function list(names: readonly string[]): string {
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : "");
}

const mostListed = 40;

function listGgufs(id: ModelId, files: readonly ListedFile[]): string {
  const sizes = new Map(files.map(({ path, size }) => [path, size ?? 0]));
  const entries = [...sizes.keys()].filter(isGgufEntry).sort();
  const lines = entries.slice(0, mostListed).map((file) => {
    const bytes = ggufParts(file).reduce((sum, part) => sum + (sizes.get(part) ?? 0), 0);
    return `\n  ${formatModelId({ ...id, file })}${bytes > 0 ? `  ${formatBytes(bytes)}` : ""}`;
  });
  if (entries.length > mostListed) lines.push(`\n  and ${entries.length - mostListed} more`);
  return lines.length > 0 ? `There are:${lines.join("")}` : "";
}

/** Bytes for people, in decimal units as the hub's pages show them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
