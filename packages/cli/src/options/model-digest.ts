/** Which model it was, for results that are kept. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** What decides an answer: weights, config and tokenizer; not what people read. */
const deciding = /\.safetensors$|^(config|tokenizer|tokenizer_config)\.json$/;

/** 16 hexadecimal digits of the SHA-256 of a model file, or of the names and contents of a folder's files. */
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
  const names = (await readdir(path)).filter((name) => deciding.test(name)).sort();
  const files = names.map((name) => ({ name, path: join(path, name) }));
  // A pipe that no loader has asked for is no part of the model, and reading it would wait for ever.
  const found = await Promise.all(files.map((file) => stat(file.path).catch(() => undefined)));
  return files.filter((_, index) => found[index]?.isFile());
}
