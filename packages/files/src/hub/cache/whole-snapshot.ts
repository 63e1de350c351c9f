import { join } from "node:path";
import { readWeightMap } from "../../formats/weight-map.js";
import { onDisk } from "../../places/disk.js";
import { indexFile, requiredFiles, singleFile } from "../model-files.js";
import { sizeOf } from "./cache-layout.js";

/** The files that a snapshot's index names, each once. @throws FilesError `file-not-found`, `bad-header` */
export async function indexedFiles(snapshot: string): Promise<string[]> {
  const map = await readWeightMap(onDisk(join(snapshot, indexFile)));
  return [...new Set(map.values())].sort();
}

/** Whether a snapshot holds a checkpoint that can be opened: a link may lead to a blob that was never finished. */
export async function isWholeSnapshot(snapshot: string): Promise<boolean> {
  const has = async (path: string) => (await sizeOf(join(snapshot, path))) !== undefined;
  const hasAll = async (paths: readonly string[]) => !(await Promise.all(paths.map(has))).includes(false);
  if (!(await hasAll(requiredFiles))) return false;
  if (await has(singleFile)) return true;
  const indexed = await indexedFiles(snapshot).catch(() => []);
  return indexed.length > 0 && (await hasAll(indexed));
}
