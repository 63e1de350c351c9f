import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Paths of all files and links below a folder, with "/" between names, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const paths = await Promise.all(
    entries.map(async (entry) => {
      if (!entry.isDirectory()) return [entry.name];
      return (await filesBelow(join(folder, entry.name))).map((path) => `${entry.name}/${path}`);
    }),
  );
  return paths.flat().sort();
}
