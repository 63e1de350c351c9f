import { FilesError } from "../errors.js";
import type { Place } from "../places/place.js";
import { openSafetensors, type SafetensorsFile } from "./safetensors.js";
import type { TensorSource } from "./tensor-source.js";
import { readWeightMap } from "./weight-map.js";

/** As many names as an error lists before it only counts. */
const mostNamed = 5;

/**
 * Opens the files that a `model.safetensors.index.json` names, which must lie beside or below it, as one store. It holds
 * the tensors of the index's `weight_map` and the metadata of the first shard.
 *
 * @throws FilesError `file-not-found` naming missing shards, `missing-tensor` for one that is not in its shard,
 *   `bad-header` for a damaged index, and as `openSafetensors`
 */
export async function openShardedSafetensors(index: Place): Promise<SafetensorsFile> {
  const indexPath = index.path;
  const shardOf = await readWeightMap(index);
  const shards = await openShards(index, [...new Set(shardOf.values())].sort());
  const close = async () => void (await Promise.all([...shards.values()].map((shard) => shard.close())));
  try {
    const metadata = [...shards.values()][0]?.metadata ?? new Map<string, string>();
    return { path: indexPath, metadata, tensors: pickTensors(indexPath, shardOf, shards), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openShards(
  index: Place,
  names: readonly string[],
): Promise<ReadonlyMap<string, SafetensorsFile>> {
  const settled = await Promise.allSettled(names.map((name) => openSafetensors(index.sibling(name))));
  const failures = settled.filter((result) => result.status === "rejected").map((result) => result.reason);
  const opened = settled.filter((result) => result.status === "fulfilled").map((result) => result.value);
  if (failures.length === 0) return new Map(opened.map((shard, i) => [names[i]!, shard]));
  await Promise.all(opened.map((shard) => shard.close()));
  throw explainFailures(index.path, names, settled) ?? failures[0];
}

/** One error for all missing shards; nothing when the shards fail otherwise. */
function explainFailures(
  indexPath: string,
  names: readonly string[],
  settled: readonly PromiseSettledResult<SafetensorsFile>[],
): FilesError | undefined {
  const missing = names.filter((_, index) => isNotFound(settled[index]!));
  if (missing.length === 0) return undefined;
  return new FilesError(
    "file-not-found",
    `${indexPath} names ${names.length} files and ${missing.length} of them are missing beside it: ` +
      `${listNames(missing)}. Fetch them into the same folder.`,
  );
}

function isNotFound(result: PromiseSettledResult<unknown>): boolean {
  return (
    result.status === "rejected" &&
    result.reason instanceof FilesError &&
    result.reason.code === "file-not-found"
  );
}

function pickTensors(
  indexPath: string,
  shardOf: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsFile>,
): ReadonlyMap<string, TensorSource> {
  const tensors = new Map<string, TensorSource>();
  const missing: string[] = [];
  for (const [name, shard] of shardOf) {
    const tensor = shards.get(shard)!.tensors.get(name);
    if (tensor === undefined) missing.push(`${name} (${shard})`);
    else tensors.set(name, tensor);
  }
  if (missing.length === 0) return tensors;
  throw new FilesError(
    "missing-tensor",
    `${indexPath} names ${missing.length} tensors that are not in the file it says: ${listNames(missing)}. ` +
      "The index and its files are of different versions: fetch them together again.",
  );
}

function listNames(names: readonly string[]): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : "";
  return names.slice(0, mostNamed).join(", ") + more;
}
