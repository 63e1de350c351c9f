import { lstat, readdir, readFile, readlink, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FilesError } from "../errors.js";
import { cachedCommit, locksFolder, repositoryFolder, snapshotPath } from "./cache-layout.js";
import { bytesBelow } from "./disk-use.js";
import { isLocked } from "./file-lock.js";
import { filesBelow } from "./files-below.js";
import { ggufParts } from "./model-files.js";
import { formatModelId, type ModelId, parseModelId } from "./model-id.js";
import { cacheFolder, type HubOptions } from "./settings.js";

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
  const before = await bytesBelow(folder);
  const commits = await removeSnapshots(folder, parsed);
  const wholly = parsed.file === undefined && parsed.revision === undefined;
  if (commits.length === 0 && !(wholly && before > 0)) throw notCached(cache, parsed);
  if (wholly || (await readdir(join(folder, "snapshots"))).length === 0)
    await removeAll(cache, parsed.repository);
  else await removeLeftovers(folder);
  return { freedBytes: before - (await bytesBelow(folder)), commits };
}

async function refuseWhileDownloading(cache: string, repository: string): Promise<void> {
  const locks = locksFolder(cache, repository);
  const ours = (await filesBelow(locks)).filter((name) => name.endsWith(".amulet.lock"));
  const held = await Promise.all(ours.map((name) => isLocked(join(locks, name))));
  if (!held.includes(true)) return;
  throw new FilesError("hub", `${repository} is being downloaded by another process: end that one first.`);
}

async function removeAll(cache: string, repository: string): Promise<void> {
  await rm(repositoryFolder(cache, repository), { recursive: true, force: true });
  await rm(locksFolder(cache, repository), { recursive: true, force: true });
}

async function removeSnapshots(folder: string, { revision, file }: ModelId): Promise<string[]> {
  const commits = revision
    ? [await cachedCommit(folder, revision)].filter((commit) => commit !== undefined)
    : await readdir(join(folder, "snapshots")).catch(() => []);
  const touched = await Promise.all(commits.map((commit) => removeFrom(snapshotPath(folder, commit), file)));
  return commits.filter((_, index) => touched[index]);
}

/** Removes a snapshot, or one GGUF file with its parts from it; says whether there was anything. */
async function removeFrom(snapshot: string, file: string | undefined): Promise<boolean> {
  const paths = await filesBelow(snapshot);
  const doomed = file === undefined ? paths : ggufParts(file).filter((part) => paths.includes(part));
  await Promise.all(doomed.map((path) => rm(join(snapshot, path), { force: true })));
  if (doomed.length === paths.length) await rm(snapshot, { recursive: true, force: true });
  return doomed.length > 0;
}

/** Removes refs to commits that are gone and blobs that no snapshot shows any more. */
async function removeLeftovers(folder: string): Promise<void> {
  const commits = await readdir(join(folder, "snapshots"));
  for (const ref of await filesBelow(join(folder, "refs"))) {
    const path = join(folder, "refs", ref);
    if (!commits.includes((await readFile(path, "utf8")).trim())) await removeWithEmptyFolders(path, folder);
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
