/** Files that are there whole or not at all: made under another name first, which then takes the place of the old one. */
import { randomUUID } from "node:crypto";
import { open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { orUnwritable } from "./own-files.js";

/**
 * Writes a file whole or not at all; it is on the disk before it takes its name. A link is followed. What is no
 * regular file, such as a pipe, cannot be replaced and is written to.
 *
 * @throws FilesError `file-unwritable`
 */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const found = await stat(target).catch(() => undefined);
  await orUnwritable(path, "written", () =>
    found && !found.isFile()
      ? writeFile(target, content)
      : replaceAtomically(target, (unfinished) => writeThrough(unfinished, content)),
  );
}

/**
 * Puts what `make` makes in the place of a path, in one step. Where it throws, the old one stays and nothing else.
 *
 * @param make gets a path of its own beside the place
 */
export async function replaceAtomically(
  path: string,
  make: (unfinished: string) => Promise<void>,
): Promise<void> {
  const unfinished = `${path}.${randomUUID()}.unfinished`;
  try {
    await make(unfinished);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
}

/** writeFile's own `flush` is newer than the oldest Node that this runs on. */
async function writeThrough(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
