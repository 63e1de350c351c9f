/** Where the files of a checkpoint lie: on a disk, behind a URL or in memory. The loader knows only this. */
import { FilesError } from "../errors.js";

export interface Place {
  /** For errors: a path or a URL. */
  readonly path: string;
  /** The last part of the path. */
  readonly name: string;
  kind(): Promise<"file" | "folder" | undefined>;
  /** @throws FilesError `file-not-found`, `file-unreadable`, `not-a-model` for what is no file */
  open(): Promise<OpenFile>;
  /**
   * The content of a small UTF-8 file; nothing where there is none.
   *
   * @param mostBytes the longest that is read
   * @throws FilesError `file-unreadable`, `not-a-model` for one that is longer, or no file
   */
  readText(mostBytes?: number): Promise<string | undefined>;
  /** A file in this folder, or below it where the name has "/" in it. */
  child(name: string): Place;
  /** A file beside this one, or below there. */
  sibling(name: string): Place;
}

/** Many times what the JSON files and templates of known models have, their tokenizers set aside. */
export const usualTextBytes = 16 << 20;

/** A file that is read at positions. */
export interface OpenFile {
  /** In bytes, when it was opened. */
  readonly size: number;
  /**
   * Fills `into` from its byte `offset` on with what lies at `position`, as much as comes at once.
   *
   * @returns the number of bytes; 0 behind the end of the file
   */
  read(into: Uint8Array, offset: number, position: number): Promise<number>;
  close(): Promise<void>;
}

export function tooLong(path: string, mostBytes: number): FilesError {
  const most = `${mostBytes / 2 ** 20} MiB`;
  return new FilesError(
    "not-a-model",
    `${path} is longer than ${most}, which no such file of a model is: see what it is, and fetch the model again.`,
  );
}
