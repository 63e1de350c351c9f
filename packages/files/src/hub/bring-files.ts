/** Brings files of one repository into the cache and shows them in its snapshot. */
import { join } from "node:path";
import { FilesError } from "../errors.js";
import { makeFolders } from "../places/own-files.js";
import { blobPath, linkBlob, sizeOf, snapshotPath } from "./cache/cache-layout.js";
import { downloadBlob, partialPath } from "./download-blob.js";
import { formatBytes } from "./model-files.js";
import { defaultRevision, type ModelId } from "./model-id.js";
import type { ProgressTally } from "./progress.js";
import { describeFile, fileUrl, type RemoteFile, type RemoteModel } from "./remote/remote-model.js";
import type { HubSettings } from "./settings.js";

const downloadsAtOnce = 4;
/** Left free on the disk, for whatever else needs room. */
const spareBytes = 64 * 2 ** 20;

/** One repository on its way into the cache. */
export interface Fetching {
  readonly settings: HubSettings;
  readonly id: ModelId;
  readonly remote: RemoteModel;
  readonly folder: string;
  readonly tally: ProgressTally;
}

export function listed({
  files,
  paths,
}: RemoteModel): readonly { readonly path: string; readonly size?: number }[] {
  return files ?? paths.map((path) => ({ path }));
}

/** Files of the repository that the snapshot is to show, and those of them that the cache lacks. */
export interface Prepared {
  readonly files: readonly RemoteFile[];
  readonly missing: readonly RemoteFile[];
}

/** @throws FilesError `hub` where there is no room for them */
export async function prepare(fetching: Fetching, paths: readonly string[]): Promise<Prepared> {
  const { settings, remote, folder, tally } = fetching;
  const files = await describeFiles(fetching, paths);
  const missing = await filterMissing(folder, remote.commit, files);
  if (missing.length > 0) await checkRoom(settings, folder, missing);
  tally.expect(missing);
  return { files, missing };
}

/** @param only which of them; all, unless it is given */
export async function bring(
  fetching: Fetching,
  { files, missing }: Prepared,
  only: readonly string[] = files.map(({ path }) => path),
): Promise<void> {
  const isMeant = ({ path }: RemoteFile) => only.includes(path);
  await downloadAll(fetching, missing.filter(isMeant));
  for (const file of files.filter(isMeant))
    await showInSnapshot(fetching.folder, fetching.remote.commit, file);
}

async function describeFiles(
  { settings, id, remote: { questions, commit, files } }: Fetching,
  paths: readonly string[],
): Promise<RemoteFile[]> {
  if (files !== undefined) return files.filter(({ path }) => paths.includes(path));
  const describe = (path: string) =>
    describeFile(questions, fileUrl(settings, id.repository, commit, path), subjectOf(id, path));
  return Promise.all(paths.map(describe));
}

/** Where links fail, a snapshot may hold the file itself, and no blob be there. */
async function filterMissing(
  folder: string,
  commit: string,
  files: readonly RemoteFile[],
): Promise<RemoteFile[]> {
  const blobs = await Promise.all(files.map(({ blobName }) => sizeOf(blobPath(folder, blobName))));
  const shown = await Promise.all(files.map(({ path }) => sizeOf(snapshotPath(folder, commit, path))));
  return files.filter(({ size }, index) => blobs[index] !== size && shown[index] !== size);
}

async function checkRoom(settings: HubSettings, folder: string, files: readonly RemoteFile[]): Promise<void> {
  await makeFolders(join(folder, "blobs"));
  const begun = await Promise.all(files.map(({ blobName }) => sizeOf(partialPath(folder, blobName))));
  const needed = files.reduce((sum, { size }, index) => sum + size - Math.min(size, begun[index] ?? 0), 0);
  const free = await settings.freeBytes(folder);
  if (needed + spareBytes <= free) return;
  throw new FilesError(
    "hub",
    `Downloading takes ${formatBytes(needed)}, but ${settings.cacheFolder} has ${formatBytes(free)} free, of which ` +
      `${spareBytes / 2 ** 20} MiB are kept free: make room (\`amulet models remove\`), or put the cache on another ` +
      "disk with HF_HUB_CACHE.",
  );
}

/** A few files at once; the first failure ends the others, and none runs on after this returns. */
async function downloadAll(
  { settings, id, remote: { commit }, tally }: Fetching,
  files: readonly RemoteFile[],
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(settings.signal ? [settings.signal] : [])]);
  const waiting = [...files];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { path } = file;
      const url = fileUrl(settings, id.repository, commit, path);
      const report = (received: number, fetched: number) => tally.move(path, received, fetched);
      await downloadBlob({ ...settings, signal }, { url, file, subject: subjectOf(id, path), report });
    }
  };
  const workers = Array.from({ length: downloadsAtOnce }, () =>
    work().catch((error: unknown) => failed.abort(error)),
  );
  await Promise.all(workers);
  signal.throwIfAborted();
}

async function showInSnapshot(folder: string, commit: string, file: RemoteFile): Promise<void> {
  if ((await sizeOf(snapshotPath(folder, commit, file.path))) === file.size) return;
  await linkBlob(folder, file.blobName, commit, file.path);
}

function subjectOf({ repository, revision = defaultRevision }: ModelId, file: string) {
  return { repository, revision, file };
}
