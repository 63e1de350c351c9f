import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ggufParts, isGgufEntry } from "../model-files.js";
import { defaultRevision, formatModelId } from "../model-id.js";
import { cacheFolder, type HubOptions } from "../settings.js";
import { readRef, repositoryFolder, repositoryOf, sizeOf, snapshotPath } from "./cache-layout.js";
import { explainDiskTrouble } from "./disk-trouble.js";
import { bytesBelow } from "./disk-use.js";
import { filesBelow, filesInside } from "./files-below.js";
import { isWholeSnapshot } from "./whole-snapshot.js";

/** A file of a revision, as it lies in the cache. */
export interface CachedFile {
  /** With its folders inside the repository. */
  readonly path: string;
  readonly bytes: number;
}

/** One commit of a repository in the cache. */
export interface CachedRevision {
  readonly commit: string;
  /** The branches and tags that stood at this commit when they were last looked at. */
  readonly refs: readonly string[];
  /** Its snapshot folder. */
  readonly path: string;
  readonly files: readonly CachedFile[];
  /** What `--model` can be given from it: the checkpoint, each GGUF file. Empty when nothing is whole. */
  readonly ids: readonly string[];
}

/** A repository in the cache. */
export interface CachedRepository {
  readonly repository: string;
  readonly revisions: readonly CachedRevision[];
  /** Bytes on disk, shared blobs counted once, unfinished downloads included. */
  readonly bytes: number;
}

/**
 * Every model repository in the cache, by name, those that other tools put there included.
 * @throws FilesError `hub` for a cache that can't be read
 */
export async function listCachedModels(options: HubOptions = {}): Promise<CachedRepository[]> {
  const cache = cacheFolder(options);
  const names = await readdir(cache).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw explainDiskTrouble(error, cache);
  });
  const repositories = names.map(repositoryOf).filter((name) => name !== undefined);
  return Promise.all(repositories.sort().map((repository) => describeRepository(cache, repository)));
}

async function describeRepository(cache: string, repository: string): Promise<CachedRepository> {
  const folder = repositoryFolder(cache, repository);
  const refs = await readRefs(folder);
  const commits = await readdir(join(folder, "snapshots")).catch(() => []);
  const revisions = await Promise.all(
    commits.map((commit) => describeRevision(folder, repository, commit, refs.get(commit) ?? [])),
  );
  return { repository, revisions, bytes: await bytesBelow(folder) };
}

async function describeRevision(
  folder: string,
  repository: string,
  commit: string,
  refs: readonly string[],
): Promise<CachedRevision> {
  const path = snapshotPath(folder, commit);
  const files = await readSnapshot(path);
  const names = files.map((file) => file.path);
  const revision = refs.includes(defaultRevision) ? undefined : (refs[0] ?? commit);
  const at = { repository, ...(revision !== undefined && { revision }) };
  const ggufs = names.filter(
    (name) => isGgufEntry(name) && ggufParts(name).every((part) => names.includes(part)),
  );
  const ids = ggufs.map((file) => formatModelId({ ...at, file }));
  const isWhole = await isWholeSnapshot(path);
  return { commit, refs, path, files, ids: isWhole ? [formatModelId(at), ...ids] : ids };
}

/** Which refs stand at which commit. */
async function readRefs(folder: string): Promise<Map<string, string[]>> {
  const refs = new Map<string, string[]>();
  for (const name of await filesBelow(join(folder, "refs"))) {
    const commit = (await readRef(folder, name)) ?? "";
    refs.set(commit, [...(refs.get(commit) ?? []), name]);
  }
  return refs;
}

async function readSnapshot(folder: string): Promise<CachedFile[]> {
  const paths = await filesInside(folder);
  const sizes = await Promise.all(paths.map((path) => sizeOf(join(folder, path))));
  return paths.flatMap((path, index) => {
    const bytes = sizes[index];
    return bytes === undefined ? [] : [{ path, bytes }];
  });
}
