import { readdir } from "node:fs/promises";
import { absencePath, cachedCommit, repositoryFolder, sizeOf, snapshotPath } from "./cache-layout.js";
import { ggufParts, isWholeCheckpoint, OPTIONAL_FILES } from "./model-files.js";
import { DEFAULT_REVISION, type ModelId, parseModelId } from "./model-id.js";
import { cacheFolder, type HubOptions } from "./settings.js";

/** A model in the cache that can be loaded. */
export interface CachedModel {
  readonly path: string;
  readonly kind: "folder" | "gguf";
  readonly commit: string;
  /** Whether no file can be missing; otherwise an optional one (a chat template, say) may not have been fetched. */
  readonly isComplete: boolean;
}

/** The folder or GGUF file of a model that is whole in the cache; undefined when it is not. Asks no network. */
export async function cachedModelPath(
  id: string | ModelId,
  options: HubOptions = {},
): Promise<string | undefined> {
  const parsed = typeof id === "string" ? parseModelId(id) : id;
  return (await findCachedModel(cacheFolder(options), parsed))?.path;
}

export async function findCachedModel(cache: string, id: ModelId): Promise<CachedModel | undefined> {
  const folder = repositoryFolder(cache, id.repository);
  const commit = await cachedCommit(folder, id.revision ?? DEFAULT_REVISION);
  if (commit === undefined) return undefined;
  return id.file === undefined ? findCheckpoint(folder, commit) : findGguf(folder, commit, id.file);
}

async function findGguf(folder: string, commit: string, file: string): Promise<CachedModel | undefined> {
  const paths = ggufParts(file).map((part) => snapshotPath(folder, commit, part));
  const sizes = await Promise.all(paths.map(sizeOf));
  const [path] = paths;
  if (path === undefined || sizes.includes(undefined)) return undefined;
  return { path, kind: "gguf", commit, isComplete: true };
}

async function findCheckpoint(folder: string, commit: string): Promise<CachedModel | undefined> {
  const path = snapshotPath(folder, commit);
  const names = await presentNames(path);
  if (!isWholeCheckpoint(names)) return undefined;
  const missing = OPTIONAL_FILES.filter((name) => !names.includes(name));
  const absent = await Promise.all(missing.map((name) => sizeOf(absencePath(folder, commit, name))));
  return { path, kind: "folder", commit, isComplete: !absent.includes(undefined) };
}

/** Names in a snapshot's root whose content is there too: a link may point to a blob that was never finished. */
async function presentNames(snapshot: string): Promise<string[]> {
  const names = await readdir(snapshot).catch(() => []);
  const sizes = await Promise.all(names.map((name) => sizeOf(`${snapshot}/${name}`)));
  return names.filter((_, index) => sizes[index] !== undefined);
}
