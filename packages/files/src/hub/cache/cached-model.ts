import { ggufParts, optionalFiles } from "../model-files.js";
import { defaultRevision, type ModelId, parseModelId } from "../model-id.js";
import { cacheFolder, type HubOptions } from "../settings.js";
import { absencePath, cachedCommit, repositoryFolder, sizeOf, snapshotPath } from "./cache-layout.js";
import { isWholeSnapshot } from "./whole-snapshot.js";

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
  const commit = await cachedCommit(folder, id.revision ?? defaultRevision);
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
  if (!(await isWholeSnapshot(path))) return undefined;
  const isKnown = async (name: string) =>
    (await sizeOf(snapshotPath(folder, commit, name))) !== undefined ||
    (await sizeOf(absencePath(folder, commit, name))) !== undefined;
  const known = await Promise.all(optionalFiles.map(isKnown));
  return { path, kind: "folder", commit, isComplete: !known.includes(false) };
}
