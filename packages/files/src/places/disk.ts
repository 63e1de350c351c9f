/** Files on a disk: Node's file system. */
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FilesError } from "../errors.js";
import { type OpenFile, type Place, usualTextBytes } from "./place.js";
import { openRegularFile, readSmallFile } from "./regular-file.js";

/** As a byte order mark is a character of a text, it stays. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A file or folder by its path. @throws FilesError `bad-request` for what is no path */
export function onDisk(path: string): Place {
  checkPath(path);
  return {
    path,
    name: basename(resolve(path)),
    kind: () => kindOf(path),
    open: () => openFile(path),
    readText: async (mostBytes = usualTextBytes) => {
      const bytes = await readSmallFile(path, mostBytes);
      return bytes && utf8.decode(bytes);
    },
    child: (name) => onDisk(join(path, name)),
    sibling: (name) => onDisk(join(dirname(path), name)),
  };
}

function checkPath(path: unknown): asserts path is string {
  if (typeof path === "string" && path !== "") return;
  const came = path instanceof URL ? `the URL ${path.href}` : describe(path);
  const advice = path instanceof URL ? ' For a file, give fileURLToPath(url) of "node:url".' : "";
  throw new FilesError(
    "bad-request",
    `A path to a file or folder was expected, as a text; what came is ${came}.${advice}`,
  );
}

function describe(value: unknown): string {
  try {
    return JSON.stringify(value)?.slice(0, 80) ?? String(value);
  } catch {
    return `a ${typeof value}`;
  }
}

/** What is no folder counts as a file: opening it says what it is. */
async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && (found.isDirectory() ? "folder" : "file");
}

async function openFile(path: string): Promise<OpenFile> {
  const { handle, size } = await openRegularFile(path);
  return {
    size,
    read: async (into, offset, position) =>
      (await handle.read(into, offset, into.length - offset, position)).bytesRead,
    close: () => handle.close(),
  };
}
