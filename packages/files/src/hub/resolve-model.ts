import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FilesError } from "../errors.js";
import {
  blobPath,
  linkBlob,
  repositoryFolder,
  sizeOf,
  snapshotPath,
  writeAbsence,
  writeRef,
} from "./cache-layout.js";
import { type CachedModel, findCachedModel } from "./cached-model.js";
import { downloadBlob, partialPath } from "./download-blob.js";
import { formatBytes, OPTIONAL_FILES, selectFiles } from "./model-files.js";
import { DEFAULT_REVISION, formatModelId, type ModelId, parseModelId } from "./model-id.js";
import { ProgressTally } from "./progress.js";
import {
  describeFile,
  fetchRemoteModel,
  fileUrl,
  type RemoteFile,
  type RemoteModel,
} from "./remote-model.js";
import { type HubOptions, type HubSettings, readSettings } from "./settings.js";

/** A model of the hub, on this disk. */
export interface ResolvedModel {
  /** A folder with config.json and weights, or the (first) GGUF file. */
  readonly path: string;
  readonly kind: "folder" | "gguf";
  readonly commit: string;
  /** Bytes that came over the network for it; 0 when the cache had it all. */
  readonly fetchedBytes: number;
}

const DOWNLOADS_AT_ONCE = 4;
/** Left free on the disk, for whatever else needs room. */
const SPARE_BYTES = 64 * 2 ** 20;

/**
 * Finds a model in the cache, or brings it there: `org/name` (a safetensors checkpoint) or `org/name:file.gguf`,
 * either with `@revision`. A model that is whole in the cache is used without asking the network, unless `refresh`.
 * @throws FilesError `offline` without a network, `file-not-found` when the repository lacks what is needed, `hub`
 * for everything else (missing, gated, damaged, no room); the signal's reason when it ends the call.
 */
export async function resolveModel(id: string | ModelId, options: HubOptions = {}): Promise<ResolvedModel> {
  const parsed = typeof id === "string" ? parseModelId(id) : id;
  const settings = await readSettings(options);
  const cached = await findCachedModel(settings.cacheFolder, parsed);
  if (cached && (settings.offline || (cached.isComplete && !settings.refresh))) return fromCache(cached);
  if (settings.offline) throw notCached(settings, parsed);
  try {
    return await fetchModel(settings, parsed);
  } catch (error) {
    const unreached = error instanceof FilesError && error.code === "offline";
    if (cached && unreached && !settings.refresh) return fromCache(cached);
    throw error;
  }
}

function fromCache({ path, kind, commit }: CachedModel): ResolvedModel {
  return { path, kind, commit, fetchedBytes: 0 };
}

function notCached({ cacheFolder }: HubSettings, id: ModelId): FilesError {
  return new FilesError(
    "offline",
    `${formatModelId(id)} is not whole in the cache ${cacheFolder}, and working offline was asked for. ` +
      "Unset HF_HUB_OFFLINE and run it once with a network, or name a model that `amulet models list` shows.",
  );
}

async function fetchModel(settings: HubSettings, id: ModelId): Promise<ResolvedModel> {
  const remote = await fetchRemoteModel(settings, id);
  const { commit } = remote;
  const folder = repositoryFolder(settings.cacheFolder, id.repository);
  const paths = selectFiles(id, remote.files ?? remote.paths.map((path) => ({ path })));
  const files = await describeFiles(settings, id, remote, paths);
  const missing = await filterMissing(folder, commit, files);
  await checkRoom(settings, folder, missing);
  const tally = new ProgressTally(missing, settings.onProgress);
  await downloadAll(settings, id, commit, missing, tally);
  for (const file of files) await showInSnapshot(folder, commit, file);
  if (id.file === undefined) await noteAbsent(folder, commit, paths);
  await writeRef(folder, id.revision ?? DEFAULT_REVISION, commit);
  const { fetchedBytes } = tally;
  if (id.file === undefined)
    return { path: snapshotPath(folder, commit), kind: "folder", commit, fetchedBytes };
  return { path: join(snapshotPath(folder, commit), paths[0]!), kind: "gguf", commit, fetchedBytes };
}

async function describeFiles(
  settings: HubSettings,
  id: ModelId,
  { commit, files }: RemoteModel,
  paths: readonly string[],
): Promise<RemoteFile[]> {
  if (files !== undefined) return files.filter(({ path }) => paths.includes(path));
  const describe = (path: string) =>
    describeFile(settings, fileUrl(settings, id.repository, commit, path), subjectOf(id, path));
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
  await mkdir(join(folder, "blobs"), { recursive: true });
  const begun = await Promise.all(files.map(({ blobName }) => sizeOf(partialPath(folder, blobName))));
  const needed = files.reduce((sum, { size }, index) => sum + size - Math.min(size, begun[index] ?? 0), 0);
  const free = await settings.freeBytes(folder);
  if (needed === 0 || needed + SPARE_BYTES <= free) return;
  throw new FilesError(
    "hub",
    `Downloading takes ${formatBytes(needed)}, but ${settings.cacheFolder} has ${formatBytes(free)} free: make room ` +
      "(`amulet models remove`), or put the cache on another disk with HF_HUB_CACHE.",
  );
}

/** A few files at once; the first failure ends the others, and none runs on after this returns. */
async function downloadAll(
  settings: HubSettings,
  id: ModelId,
  commit: string,
  files: readonly RemoteFile[],
  tally: ProgressTally,
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
  const workers = Array.from({ length: DOWNLOADS_AT_ONCE }, () =>
    work().catch((error: unknown) => failed.abort(error)),
  );
  await Promise.all(workers);
  signal.throwIfAborted();
}

async function showInSnapshot(folder: string, commit: string, file: RemoteFile): Promise<void> {
  if ((await sizeOf(snapshotPath(folder, commit, file.path))) === file.size) return;
  await linkBlob(folder, file.blobName, commit, file.path);
}

async function noteAbsent(folder: string, commit: string, paths: readonly string[]): Promise<void> {
  const absent = OPTIONAL_FILES.filter((name) => !paths.includes(name));
  await Promise.all(absent.map((name) => writeAbsence(folder, commit, name)));
}

function subjectOf({ repository, revision = DEFAULT_REVISION }: ModelId, file: string) {
  return { repository, revision, file };
}
