/** Files that a program keeps for itself, such as results that grow: read and written with sentences of ours where that fails. */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { FilesError } from "../errors.js";
import { decodeText } from "./decode-text.js";
import { reasonOf, systemCodeOf } from "./system-errors.js";

/** @throws FilesError `file-unwritable` */
export async function makeFolder(path: string): Promise<void> {
  await orUnwritable(path, "made a folder", () => makeFolders(path));
}

/** `mkdir -p`. Where the disk can only be read, Node's own says that there is no such folder; this fails as the system does. */
export async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
    if (dirname(path) !== path) await makeFolders(dirname(path));
    await mkdir(path);
  }
}

/** @throws FilesError `file-unwritable` */
export async function appendText(path: string, text: string): Promise<void> {
  await orUnwritable(path, "written", () => appendFile(path, text));
}

/** The text of a file; nothing where there is none. @throws FilesError `file-unreadable`, also for one that is not UTF-8 */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  const bytes = await readBytesIfThere(path);
  return bytes && decodeText(bytes, path);
}

/** A file that grows may end inside of a character, as a crash leaves it. @throws FilesError `file-unreadable` */
export async function readBytesIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (systemCodeOf(cause) === "ENOENT") return undefined;
    throw new FilesError("file-unreadable", `${path} can't be read: ${reasonOf(cause)}.`, { cause });
  }
}

/** @throws FilesError `file-unwritable` where the system refuses, and whatever else `write` throws */
export async function orUnwritable<T>(path: string, what: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if (systemCodeOf(cause) === undefined) throw cause;
    const message = `${path} can't be ${what}: ${reasonOf(cause)}. See to that, or name another place.`;
    throw new FilesError("file-unwritable", message, { cause });
  }
}
