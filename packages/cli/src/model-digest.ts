/** Which model it was, for results that are kept. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** 16 hexadecimal digits of the SHA-256 of a model file, or of the names and contents of all files in its folder. */
export async function digestModel(path: string): Promise<string> {
  const hash = createHash("sha256");
  for (const file of await filesOf(path)) {
    hash.update(file.name);
    await pipeline(createReadStream(file.path), hash, { end: false });
  }
  return hash.digest("hex").slice(0, 16);
}

async function filesOf(path: string): Promise<{ readonly name: string; readonly path: string }[]> {
  if (!(await stat(path)).isDirectory()) return [{ name: "", path }];
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return names.sort().map((name) => ({ name, path: join(path, name) }));
}
