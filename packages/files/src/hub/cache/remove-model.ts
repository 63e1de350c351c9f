import { lstat, readdir, readlink, rm, rmdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FilesError } from "../../errors.js";
import { ggufParts } from "../model-files.js";
import { formatModelId, type ModelId, parseModelId } from "../model-id.js";
import { cacheFolder, type HubOptions } from "../settings.js";
import { cachedCommit, locksFolder, readRef, repositoryFolder, snapshotPath } from "./cache-layout.js";
import { explainDiskTrouble } from "./disk-trouble.js";
import { bytesBelow } from "./disk-use.js";
import { isLocked } from "./file-lock.js";
import { filesBelow, isRealFolder } from "./files-below.js";

export interface RemovedModel {
  /** Bytes the disk has more. */
  readonly freedBytes: number;
  /** The commits of which something was removed. */
  readonly commits: readonly string[];
}

/**
 * Removes from the cache: all of `org/name`, one `@revision` of it, or one `:file.gguf` (of every revision, or of the
 * named one). A content that another revision or file still shows stays.
 * @throws FilesError `file-not-found` when the cache does not have it, `hub` while it is being downloaded.
 */
export async function removeCachedModel(
  id: string | ModelId,
  options: HubOptions = {},
): Promise<RemovedModel> {
  const parsed = typeof id === "string" ? parseModelId(id) : id;
  const cache = cacheFolder(options);
  const folder = repositoryFolder(cache, parsed.repository);
  await refuseWhileDownloading(cache, parsed.repository);
  try {
    return await remove(cache, folder, parsed);
  } catch (error) {
    throw explainDiskTrouble(error, cache);
  }
}

/** What is reached through a link lies elsewhere and belongs to somebody else: the link goes, what it leads to stays. */
async function remove(cache: string, folder: string, id: ModelId): Promise<RemovedModel> {
  const wholly = id.file === undefined && id.revision === undefined;
  if (!wholly) await refuseLinks(folder, join(folder, "snapshots"));
  const before = await bytesBelow(folder);
  const isElsewhere = await isLink(folder);
  const commits = isElsewhere ? [] : await removeSnapshots(folder, id);
  if (commits.length === 0 && before === 0 && !isElsewhere) throw notCached(cache, id);
  if (commits.length === 0 && !wholly) throw notCached(cache, id);
  if (wholly || (await namesIn(join(folder, "snapshots"))).length === 0)
    await removeAll(cache, id.repository);
  else await removeLeftovers(folder);
  return { freedBytes: before - (await bytesBelow(folder)), commits };
}

/** A part of what lies elsewhere can't be removed here. */
async function refuseLinks(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (await isLink(path))
      throw new FilesError(
        "hub",
        `${path} is a link to elsewhere, which is not followed here: remove it there.`,
      );
  }
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

/** Names in a folder that is one itself, and no link. */
async function namesIn(folder: string): Promise<string[]> {
  return (await isRealFolder(folder)) ? readdir(folder) : [];
}

async function refuseWhileDownloading(cache: string, repository: string): Promise<void> {
  const locks = locksFolder(cache, repository);
  const ours = (await filesBelow(locks)).filter((name) => name.endsWith(".amulet.lock"));
  const held = await Promise.all(ours.map((name) => isLocked(join(locks, name))));
  if (!held.includes(true)) return;
  throw new FilesError("hub", `${repository} is being downloaded by another process: end that one first.`);
}

async function removeAll(cache: string, repository: string): Promise<void> {
  const locks = locksFolder(cache, repository);
  await rm(repositoryFolder(cache, repository), { recursive: true, force: true });
  if (await isRealFolder(dirname(locks))) await rm(locks, { recursive: true, force: true });
}

async function removeSnapshots(folder: string, { revision, file }: ModelId): Promise<string[]> {
  const commits = revision
    ? [await cachedCommit(folder, revision)].filter((commit) => commit !== undefined)
    : await namesIn(join(folder, "snapshots"));
  const touched = await Promise.all(commits.map((commit) => removeFrom(snapshotPath(folder, commit), file)));
  return commits.filter((_, index) => touched[index]);
}

/** Removes a snapshot, or one GGUF file with its parts from it; says whether there was anything. */
async function removeFrom(snapshot: string, file: string | undefined): Promise<boolean> {
  if (await isLink(snapshot)) return removeLink(snapshot, file);
  const paths = await filesBelow(snapshot);
  const doomed = file === undefined ? paths : ggufParts(file).filter((part) => paths.includes(part));
  await Promise.all(doomed.map((path) => rm(join(snapshot, path), { force: true })));
  if (doomed.length === paths.length) await rm(snapshot, { recursive: true, force: true });
  return doomed.length > 0;
}

async function removeLink(snapshot: string, file: string | undefined): Promise<boolean> {
  if (file !== undefined) await refuseLinks(snapshot);
  await unlink(snapshot);
  return true;
}

/** Removes refs to commits that are gone and blobs that no snapshot shows any more. */
async function removeLeftovers(folder: string): Promise<void> {
  const commits = await namesIn(join(folder, "snapshots"));
  for (const ref of await filesBelow(join(folder, "refs"))) {
    const commit = (await readRef(folder, ref)) ?? "";
    if (!commits.includes(commit)) await removeWithEmptyFolders(join(folder, "refs", ref), folder);
  }
  const shown = await shownBlobs(folder);
  const blobs = await filesBelow(join(folder, "blobs"));
  const orphans = blobs.filter((name) => !shown.has(name) && !/\.incomplete$/.test(name));
  await Promise.all(orphans.map((name) => rm(join(folder, "blobs", name), { force: true })));
}

async function removeWithEmptyFolders(path: string, top: string): Promise<void> {
  await rm(path, { force: true });
  for (let above = dirname(path); above !== top; above = dirname(above)) {
    const emptied = await rmdir(above).then(
      () => true,
      () => false,
    );
    if (!emptied) return;
  }
}

async function shownBlobs(folder: string): Promise<Set<string>> {
  const snapshots = join(folder, "snapshots");
  const names = (await filesBelow(snapshots)).map(async (path) => {
    const shown = join(snapshots, path);
    return (await lstat(shown)).isSymbolicLink() ? basename(await readlink(shown)) : undefined;
  });
  return new Set((await Promise.all(names)).filter((name) => name !== undefined));
}

function notCached(cache: string, id: ModelId): FilesError {
  return new FilesError(
    "file-not-found",
    `${formatModelId(id)} is not in the cache ${cache}: \`amulet models list\` shows what is.`,
  );
}
