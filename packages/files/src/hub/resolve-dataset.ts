/** Data sets of the hub: files of rows, in the same cache, by the same client as models. */
import { FilesError } from "../errors.js";
import { isSafePath } from "../places/safe-path.js";
import { bring, type Fetching, listed, prepare } from "./bring-files.js";
import { cachedCommit, repositoryFolder, sizeOf, snapshotPath, writeRef } from "./cache/cache-layout.js";
import { explainDiskTrouble, whereAllowed } from "./cache/disk-trouble.js";
import { filesBelow } from "./cache/files-below.js";
import { defaultRevision, parseModelId } from "./model-id.js";
import { ProgressTally } from "./progress.js";
import { fetchRemoteModel } from "./remote/remote-model.js";
import { type HubOptions, type HubSettings, readSettings } from "./settings.js";

/** What `org/name[:file][@revision]` names among data sets. */
export interface DatasetId {
  readonly repository: string;
  /** One file, with its folders inside the repository. */
  readonly file?: string;
  readonly revision?: string;
}

export interface DatasetFile {
  /** With its folders inside the repository. */
  readonly path: string;
  /** Where it lies on this disk. */
  readonly local: string;
}

export interface ResolvedDataset {
  readonly commit: string;
  readonly files: readonly DatasetFile[];
}

/** How files of rows end. */
const dataFile = /\.(jsonl?|csv|parquet)(\.gz)?$/i;

/** @throws FilesError `hub` when the text has another shape */
export function parseDatasetId(text: string): DatasetId {
  const { id, file } = /^(?<id>[^:@]+)(?::(?<file>[^@]+))?/.exec(text)?.groups ?? {};
  const { repository, revision } = parseModelId(`${id ?? ""}${/@.*$/.exec(text)?.[0] ?? ""}`);
  if (file !== undefined && !(isSafePath(file) && dataFile.test(file)))
    throw new FilesError(
      "hub",
      `${JSON.stringify(text)} names no file of rows: it ends in .jsonl, .json, .csv or .parquet, with or without .gz.`,
    );
  return { repository, ...(file !== undefined && { file }), ...(revision !== undefined && { revision }) };
}

/**
 * Finds a data set's files of rows in the cache, or brings them there. One file that is named and in the cache is used
 * without asking the network; so is what the cache has where the network says nothing.
 *
 * @throws FilesError as `resolveModel`
 */
export async function resolveDataset(
  id: string | DatasetId,
  options: HubOptions = {},
): Promise<ResolvedDataset> {
  const parsed = typeof id === "string" ? parseDatasetId(id) : id;
  const settings = await readSettings(options);
  const cached = await findCached(settings, parsed);
  if (cached && (settings.offline || (parsed.file !== undefined && !settings.refresh))) return cached;
  if (settings.offline)
    throw new FilesError(
      "offline",
      `The data set ${parsed.repository} is not in the cache ${settings.cacheFolder}, and working offline was asked for. ` +
        "Unset HF_HUB_OFFLINE and run it once with a network.",
    );
  try {
    return await fetchDataset(settings, parsed);
  } catch (cause) {
    settings.signal?.throwIfAborted();
    const error = explainDiskTrouble(cause, settings.cacheFolder);
    if (cached && !settings.refresh && error instanceof FilesError) return cached;
    throw error;
  }
}

/** The hub and its cache keep data sets apart by this beginning. */
const keyOf = ({ repository }: DatasetId) => `datasets/${repository}`;

const wants = ({ file }: DatasetId, path: string) =>
  file === undefined ? dataFile.test(path) : path === file;

async function findCached(settings: HubSettings, id: DatasetId): Promise<ResolvedDataset | undefined> {
  const folder = repositoryFolder(settings.cacheFolder, keyOf(id));
  const commit = await cachedCommit(folder, id.revision ?? defaultRevision);
  if (commit === undefined) return undefined;
  const paths = id.file === undefined ? await filesBelow(snapshotPath(folder, commit)) : [id.file];
  const found = paths
    .filter((path) => wants(id, path))
    .map(async (path) => {
      const local = snapshotPath(folder, commit, path);
      return (await sizeOf(local)) === undefined ? [] : [{ path, local }];
    });
  const files = (await Promise.all(found)).flat();
  return files.length === 0 ? undefined : { commit, files: sorted(files) };
}

async function fetchDataset(settings: HubSettings, dataset: DatasetId): Promise<ResolvedDataset> {
  const id = { repository: keyOf(dataset), ...(dataset.revision && { revision: dataset.revision }) };
  const remote = await fetchRemoteModel(settings, id);
  const folder = repositoryFolder(settings.cacheFolder, id.repository);
  const paths = listed(remote)
    .map(({ path }) => path)
    .filter((path) => wants(dataset, path));
  if (paths.length === 0)
    throw noRows(
      dataset,
      listed(remote).map(({ path }) => path),
    );
  const fetching: Fetching = { settings, id, remote, folder, tally: new ProgressTally(settings.onProgress) };
  await bring(fetching, await prepare(fetching, paths));
  await whereAllowed(writeRef(folder, id.revision ?? defaultRevision, remote.commit));
  const files = paths.map((path) => ({ path, local: snapshotPath(folder, remote.commit, path) }));
  return { commit: remote.commit, files: sorted(files) };
}

/** The same order on every machine. */
function sorted(files: readonly DatasetFile[]): DatasetFile[] {
  return [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function noRows({ repository, file }: DatasetId, paths: readonly string[]): FilesError {
  const shown = paths.filter((path) => dataFile.test(path)).slice(0, 20);
  return new FilesError(
    "file-not-found",
    `The data set ${repository} has no file ${file ?? "of rows (.jsonl, .json, .csv, .parquet)"}; ` +
      `${shown.length === 0 ? "it has none of that kind" : `it has ${shown.join(", ")}`}.`,
  );
}
