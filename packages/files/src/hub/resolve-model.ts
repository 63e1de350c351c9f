import { join } from "node:path";
import { refuseQuantisedConfig, refuseQuantisedNames } from "../checkpoint/quantisation.js";
import { FilesError } from "../errors.js";
import { onDisk } from "../places/disk.js";
import { makeFolders } from "../places/own-files.js";
import { readJsonObject } from "../places/read-json.js";
import {
  blobPath,
  linkBlob,
  repositoryFolder,
  sizeOf,
  snapshotPath,
  writeAbsence,
  writeRef,
} from "./cache/cache-layout.js";
import { type CachedModel, findCachedModel } from "./cache/cached-model.js";
import { explainDiskTrouble, whereAllowed } from "./cache/disk-trouble.js";
import { indexedFiles } from "./cache/whole-snapshot.js";
import { downloadBlob, partialPath } from "./download-blob.js";
import {
  formatBytes,
  indexFile,
  optionalFiles,
  refuseMissing,
  selectDescription,
  selectGguf,
  singleFile,
} from "./model-files.js";
import { defaultRevision, formatModelId, type ModelId, parseModelId } from "./model-id.js";
import { ProgressTally } from "./progress.js";
import {
  describeFile,
  fetchRemoteModel,
  fileUrl,
  type RemoteFile,
  type RemoteModel,
} from "./remote/remote-model.js";
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

const downloadsAtOnce = 4;
/** Left free on the disk, for whatever else needs room. */
const spareBytes = 64 * 2 ** 20;

/**
 * Finds a model in the cache, or brings it there: `org/name` (a safetensors checkpoint) or `org/name:file.gguf`,
 * either with `@revision`. A model that is whole in the cache is used without asking the network, unless `refresh`, and
 * whatever the network says when it must be asked. What could not be opened is refused before its weights are fetched.
 * @throws FilesError `offline` without a network, `file-not-found` when the repository lacks what is needed, `hub`
 * for everything else (missing, gated, damaged, no room), `unknown-tensor-type` for quantised weights; the signal's reason when it ends the call.
 */
export async function resolveModel(id: string | ModelId, options: HubOptions = {}): Promise<ResolvedModel> {
  const parsed = typeof id === "string" ? parseModelId(id) : id;
  const settings = await readSettings(options);
  const cached = await findCachedModel(settings.cacheFolder, parsed);
  if (cached && (settings.offline || (cached.isComplete && !settings.refresh))) return fromCache(cached);
  if (settings.offline) throw notCached(settings, parsed);
  try {
    return await fetchModel(settings, parsed);
  } catch (cause) {
    settings.signal?.throwIfAborted();
    const error = explainDiskTrouble(cause, settings.cacheFolder);
    // A whole model is used whatever the hub or the disk says, as Python's library does; a refresh wants to know.
    if (cached && !settings.refresh && error instanceof FilesError) return fromCache(cached);
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

/** One model on its way into the cache. */
interface Fetching {
  readonly settings: HubSettings;
  readonly id: ModelId;
  readonly remote: RemoteModel;
  readonly folder: string;
  readonly tally: ProgressTally;
}

async function fetchModel(settings: HubSettings, id: ModelId): Promise<ResolvedModel> {
  const remote = await fetchRemoteModel(settings, id);
  const { commit } = remote;
  const folder = repositoryFolder(settings.cacheFolder, id.repository);
  const fetching = { settings, id, remote, folder, tally: new ProgressTally(settings.onProgress) };
  const path = await (id.file === undefined ? fetchCheckpoint(fetching) : fetchGguf(fetching, id.file));
  await whereAllowed(writeRef(folder, id.revision ?? defaultRevision, commit));
  const kind = id.file === undefined ? "folder" : "gguf";
  return { path, kind, commit, fetchedBytes: fetching.tally.fetchedBytes };
}

async function fetchGguf(fetching: Fetching, file: string): Promise<string> {
  const paths = selectGguf(fetching.id, file, listed(fetching.remote));
  await bring(fetching, await prepare(fetching, paths));
  return snapshotPath(fetching.folder, fetching.remote.commit, paths[0]!);
}

/** First what describes the model, then its weights: those that can't be opened are not fetched. */
async function fetchCheckpoint(fetching: Fetching): Promise<string> {
  const { settings, id, remote, folder } = fetching;
  const described = selectDescription(id, listed(remote));
  const isSingle = !described.includes(indexFile);
  const known = await prepare(fetching, isSingle ? [...described, singleFile] : described);
  // Small files belong to the question; a server that is silent about them is not waited for as for weights.
  const stallMilliseconds = Math.min(settings.stallMilliseconds, settings.metadataMilliseconds);
  await bring({ ...fetching, settings: { ...settings, stallMilliseconds } }, known, described);
  const snapshot = snapshotPath(folder, remote.commit);
  const config = (await readJsonObject(onDisk(join(snapshot, "config.json")))) ?? {};
  refuseQuantisedConfig(config, id.repository);
  refuseQuantisedNames(
    listed(remote).map((file) => file.path),
    id.repository,
  );
  settings.checkConfig(config, `${id.repository}/config.json`);
  if (isSingle) await bring(fetching, known);
  else await fetchIndexed(fetching, await indexedFiles(snapshot));
  await whereAllowed(noteAbsent(folder, remote.commit, described));
  return snapshot;
}

async function fetchIndexed(fetching: Fetching, indexed: readonly string[]): Promise<void> {
  refuseMissing(fetching.id, listed(fetching.remote), indexed);
  await bring(fetching, await prepare(fetching, indexed));
}

function listed({ files, paths }: RemoteModel): readonly { readonly path: string; readonly size?: number }[] {
  return files ?? paths.map((path) => ({ path }));
}

/** Files of the repository that the snapshot is to show, and those of them that the cache lacks. */
interface Prepared {
  readonly files: readonly RemoteFile[];
  readonly missing: readonly RemoteFile[];
}

/** @throws FilesError `hub` where there is no room for them */
async function prepare(fetching: Fetching, paths: readonly string[]): Promise<Prepared> {
  const { settings, remote, folder, tally } = fetching;
  const files = await describeFiles(fetching, paths);
  const missing = await filterMissing(folder, remote.commit, files);
  if (missing.length > 0) await checkRoom(settings, folder, missing);
  tally.expect(missing);
  return { files, missing };
}

/** @param only which of them; all, unless it is given */
async function bring(
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

async function noteAbsent(folder: string, commit: string, paths: readonly string[]): Promise<void> {
  const absent = optionalFiles.filter((name) => !paths.includes(name));
  await Promise.all(absent.map((name) => writeAbsence(folder, commit, name)));
}

function subjectOf({ repository, revision = defaultRevision }: ModelId, file: string) {
  return { repository, revision, file };
}
