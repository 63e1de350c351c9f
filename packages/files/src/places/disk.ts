/** Files on a disk: Node's file system. */
import { open, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FilesError } from "../errors.js";
import { type OpenFile, type Place, reasonOf } from "./place.js";

/** A file or folder by its path. */
export function onDisk(path: string): Place {
  return {
    path,
    name: basename(resolve(path)),
    kind: () => kindOf(path),
    open: () => openFile(path),
    readText: () => readText(path),
    child: (name) => onDisk(join(path, name)),
    sibling: (name) => onDisk(join(dirname(path), name)),
  };
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && (found.isDirectory() ? "folder" : "file");
}

async function openFile(path: string): Promise<OpenFile> {
  try {
    // Asked before opening: opening a pipe would wait for its writer for ever.
    const found = await stat(path);
    if (!found.isFile())
      throw new FilesError("not-a-model", `${path} is not a file: name the model file itself.`);
    const handle = await open(path, "r");
    return {
      size: found.size,
      read: async (into, offset, position) =>
        (await handle.read(into, offset, into.length - offset, position)).bytesRead,
      close: () => handle.close(),
    };
  } catch (error) {
    throw explainOpening(path, error);
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FilesError("not-a-model", `${path} can't be read: ${(cause as Error).message}.`, { cause });
  }
}

function explainOpening(path: string, error: unknown): FilesError {
  if (error instanceof FilesError) return error;
  const reason = reasonOf(error);
  if (reason === "ENOENT" || reason === "ENOTDIR") {
    return new FilesError("file-not-found", `There is no file ${path}: check the path.`, { cause: error });
  }
  return new FilesError("file-unreadable", `${path} cannot be opened (${reason}): check its permissions.`, {
    cause: error,
  });
}
