/**
 * Opening what a foreign folder holds under a name. A link there may lead to a pipe, on which opening waits for its
 * writer for ever, or to a device that never ends: only regular files are opened.
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { FilesError } from "../errors.js";
import { tooLong } from "./place.js";
import { reasonOf, systemCodeOf } from "./system-errors.js";

/** Some files tell no size (those of /proc), and some grow: what is read whole is read in pieces, up to a bound. */
const pieceBytes = 1 << 20;

export interface RegularFile {
  readonly handle: FileHandle;
  /** In bytes, when it was opened. */
  readonly size: number;
}

/** @throws FilesError `file-not-found`, `file-unreadable`, `not-a-model` for what is no regular file */
export async function openRegularFile(path: string): Promise<RegularFile> {
  try {
    // Asked before opening, which alone does something to some devices, and of what was opened: it may have changed.
    refuseOthers(path, await stat(path));
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const found = await handle.stat();
      refuseOthers(path, found);
      return { handle, size: found.size };
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    throw explainOpening(path, error);
  }
}

/**
 * All of a small file; nothing where there is none.
 *
 * @throws FilesError as `openRegularFile` does, and `not-a-model` for more than `mostBytes`
 */
export async function readSmallFile(path: string, mostBytes: number): Promise<Uint8Array | undefined> {
  let file: RegularFile;
  try {
    file = await openRegularFile(path);
  } catch (error) {
    if (error instanceof FilesError && error.code === "file-not-found") return undefined;
    throw error;
  }
  try {
    if (file.size > mostBytes) throw tooLong(path, mostBytes);
    return await readUpTo(path, file, mostBytes);
  } finally {
    await file.handle.close();
  }
}

async function readUpTo(path: string, { handle, size }: RegularFile, mostBytes: number): Promise<Uint8Array> {
  let bytes = Buffer.alloc(Math.max(size + 1, 4096));
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle
      .read(bytes, length, bytes.length - length, length)
      .catch((cause: unknown) => {
        throw unreadable(path, "read", cause);
      });
    if (bytesRead === 0) return bytes.subarray(0, length);
    length += bytesRead;
    if (length > mostBytes) throw tooLong(path, mostBytes);
    if (length === bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(pieceBytes)]);
  }
}

function refuseOthers(path: string, found: Stats): void {
  if (found.isFile()) return;
  throw new FilesError(
    "not-a-model",
    `${path} is ${kindOfOther(found)}, not a file: name the model file itself, or put the file in its place.`,
  );
}

function kindOfOther(found: Stats): string {
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a pipe";
  if (found.isSocket()) return "a socket";
  return "a device";
}

function explainOpening(path: string, error: unknown): FilesError {
  if (error instanceof FilesError) return error;
  const code = systemCodeOf(error);
  if (code !== "ENOENT" && code !== "ENOTDIR") return unreadable(path, "opened", error);
  return new FilesError("file-not-found", `There is no file ${path}: check the path.`, { cause: error });
}

function unreadable(path: string, what: string, cause: unknown): FilesError {
  return new FilesError(
    "file-unreadable",
    `${path} cannot be ${what} (${reasonOf(cause)}): check its permissions, and where a link leads.`,
    { cause },
  );
}
