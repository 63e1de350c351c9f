import { join } from "node:path";
import { refuseQuantisedConfig, refuseQuantisedNames } from "../checkpoint/quantisation.js";
import { FilesError } from "../errors.js";
import { onDisk } from "../places/disk.js";
import { readJsonObject } from "../places/read-json.js";
import { bring, type Fetching, listed, prepare } from "./bring-files.js";
import { repositoryFolder, snapshotPath, writeAbsence, writeRef } from "./cache/cache-layout.js";
import { type CachedModel, findCachedModel } from "./cache/cached-model.js";
import { explainDiskTrouble, whereAllowed } from "./cache/disk-trouble.js";
import { indexedFiles } from "./cache/whole-snapshot.js";
import {
  indexFile,
  optionalFiles,
  refuseMissing,
  selectDescription,
  selectGguf,
  singleFile,
} from "./model-files.js";
import { defaultRevision, formatModelId, type ModelId, parseModelId } from "./model-id.js";
import { ProgressTally } from "./progress.js";
import { fetchRemoteModel } from "./remote/remote-model.js";
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

async function noteAbsent(folder: string, commit: string, paths: readonly string[]): Promise<void> {
  const absent = optionalFiles.filter((name) => !paths.includes(name));
  await Promise.all(absent.map((name) => writeAbsence(folder, commit, name)));
}
