import { lstat, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";

/**
 * Paths of all files and links below a folder, with "/" between names, sorted. Links are not followed: not those below it,
 * and none in its own place.
 */
export async function filesBelow(folder: string): Promise<string[]> {
  if (!(await isRealFolder(folder))) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const paths = await Promise.all(
    entries.map(async (entry) => {
      if (!entry.isDirectory()) return [entry.name];
      return (await filesBelow(join(folder, entry.name))).map((path) => `${entry.name}/${path}`);
    }),
  );
  return paths.flat().sort();
}

/** The same of the folder that a path leads to, for those who only look. */
export async function filesInside(path: string): Promise<string[]> {
  return filesBelow(await realpath(path).catch(() => path));
}

/** Whether a path is a folder, and no link to one. */
export async function isRealFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
