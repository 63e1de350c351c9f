import { copyFile, link, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { onDisk } from "../../places/disk.js";
import { makeFolders } from "../../places/own-files.js";
import { replaceAtomically, writeAtomically } from "../../places/write-atomically.js";
import { isDataset } from "../remote/refusal.js";

/*
 * The cache layout of Python's huggingface_hub, shared with every tool that uses it:
 *   models--ORG--NAME/refs/REVISION            the commit a branch or tag was last seen at
 *   models--ORG--NAME/blobs/ETAG               each content once
 *   models--ORG--NAME/snapshots/COMMIT/PATH    links to blobs, named as in the repository
 *   models--ORG--NAME/.no_exist/COMMIT/PATH    files known to be absent at that commit
 *   .locks/models--ORG--NAME/                  who is downloading what
 */

const prefix = "models--";

/** Of a data set, `datasets/org/name`, it is `datasets--org--name`. */
export function repositoryFolderName(repository: string): string {
  const name = repository.replaceAll("/", "--");
  return isDataset(repository) ? name : prefix + name;
}

/** The repository a folder of the cache belongs to; undefined for data sets and everything else. */
export function repositoryOf(folderName: string): string | undefined {
  return folderName.startsWith(prefix) ? folderName.slice(prefix.length).replace("--", "/") : undefined;
}

export function repositoryFolder(cacheFolder: string, repository: string): string {
  return join(cacheFolder, repositoryFolderName(repository));
}

export function locksFolder(cacheFolder: string, repository: string): string {
  return join(cacheFolder, ".locks", repositoryFolderName(repository));
}

export function blobPath(folder: string, blobName: string): string {
  return join(folder, "blobs", blobName);
}

export function snapshotPath(folder: string, commit: string, path = ""): string {
  return join(folder, "snapshots", commit, path);
}

export function absencePath(folder: string, commit: string, path: string): string {
  return join(folder, ".no_exist", commit, path);
}

/** The commit a revision stands for in the cache: what its ref says, or itself. */
export async function cachedCommit(folder: string, revision: string): Promise<string | undefined> {
  const ref = await readRef(folder, revision);
  if (ref !== undefined) return /^[\w-]+$/.test(ref) ? ref : undefined;
  return (await sizeOf(snapshotPath(folder, revision))) === undefined ? undefined : revision;
}

/** What a ref says; nothing where it can't be read. */
export async function readRef(folder: string, revision: string): Promise<string | undefined> {
  const text = await onDisk(join(folder, "refs", revision))
    .readText()
    .catch(() => undefined);
  return text?.trim();
}

/** Notes which commit a revision is; never half-written. */
export async function writeRef(folder: string, revision: string, commit: string): Promise<void> {
  if (revision === commit || (await cachedCommit(folder, revision)) === commit) return;
  const path = join(folder, "refs", revision);
  await makeFolders(dirname(path));
  await writeAtomically(path, commit);
}

/** Notes that the repository has no such file at that commit. */
export async function writeAbsence(folder: string, commit: string, path: string): Promise<void> {
  const marker = absencePath(folder, commit, path);
  await makeFolders(dirname(marker));
  await writeFile(marker, "");
}

/** Lets a snapshot show a blob under its path: a relative link, a hard link, or a copy, whichever works first. */
export async function linkBlob(
  folder: string,
  blobName: string,
  commit: string,
  path: string,
): Promise<void> {
  const blob = blobPath(folder, blobName);
  const shown = snapshotPath(folder, commit, path);
  await makeFolders(dirname(shown));
  await replaceAtomically(shown, async (temporary) => {
    await symlink(relative(dirname(shown), blob), temporary)
      .catch(() => link(blob, temporary))
      .catch(() => copyFile(blob, temporary));
  });
}

/** Bytes of what a path leads to, links followed; undefined when there is nothing. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
