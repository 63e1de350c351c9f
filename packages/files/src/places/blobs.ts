/** Files in memory, or that a page was given by its user: blobs under their names. */
import { FilesError } from "../errors.js";
import { type OpenFile, type Place, tooLong, usualTextBytes } from "./place.js";

/** A folder without subfolders: its files by name. */
export type BlobFolder = Readonly<Record<string, Blob>>;

/** One file. @param name for people and errors */
export function inBlob(blob: Blob, name: string): Place {
  return blobFile({ [name]: blob }, name);
}

/** A folder of files. @param name for people and errors */
export function inBlobs(files: BlobFolder, name: string): Place {
  const nothing = blobFile({}, name);
  return { ...nothing, kind: async () => "folder", child: (file) => blobFile(files, file) };
}

/** A file of the folder, whether it is there or not. */
function blobFile(files: BlobFolder, name: string): Place {
  const blob = Object.hasOwn(files, name) ? files[name] : undefined;
  return {
    path: name,
    name,
    kind: async () => blob && "file",
    open: async () => {
      if (blob) return openBlob(blob);
      throw new FilesError("file-not-found", `There is no file ${name} among those given.`);
    },
    readText: async (mostBytes = usualTextBytes) => {
      if (blob && blob.size > mostBytes) throw tooLong(name, mostBytes);
      return blob?.text();
    },
    child: () => blobFile({}, name),
    sibling: (other) => blobFile(files, other),
  };
}

/** Reads a blob at positions. */
export function openBlob(blob: Blob): OpenFile {
  return {
    size: blob.size,
    read: async (into, offset, position) => {
      const part = blob.slice(position, position + into.length - offset);
      into.set(new Uint8Array(await part.arrayBuffer()), offset);
      return part.size;
    },
    close: async () => {},
  };
}
