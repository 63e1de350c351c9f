import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { filesBelow } from "./files-below.js";

/** Bytes of the files below a folder; links count nothing, a file with several names counts once. */
export async function bytesBelow(folder: string): Promise<number> {
  const paths = await filesBelow(folder);
  const found = await Promise.all(paths.map((path) => lstat(join(folder, path)).catch(() => undefined)));
  const sizes = new Map(
    found.flatMap((file) => (file?.isFile() ? [[`${file.dev}:${file.ino}`, file.size] as const] : [])),
  );
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
