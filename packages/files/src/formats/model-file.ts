import { FilesError } from "../errors.js";
import type { OpenFile, Place } from "../places/place.js";
import { reasonOf } from "../places/system-errors.js";

/** A file that is read at positions, never as a whole. */
export class ModelFile {
  private constructor(
    readonly path: string,
    private readonly file: OpenFile,
  ) {}

  /** @throws FilesError `file-not-found`, `not-a-model` for a folder or a device, `file-unreadable` */
  static async open(place: Place): Promise<ModelFile> {
    return new ModelFile(place.path, await place.open());
  }

  /** In bytes, when it was opened. */
  get size(): number {
    return this.file.size;
  }

  /**
   * Fills all of `into` from byte `position` on.
   *
   * @param what names the bytes in the error
   * @throws FilesError `truncated-file`, `file-unreadable`
   */
  async read(into: Uint8Array, position: number, what: string): Promise<void> {
    let filled = 0;
    while (filled < into.length) {
      const got = await this.readSome(into, filled, position + filled, what);
      if (got === 0) throw this.truncated(what, position, into.length);
      filled += got;
    }
  }

  /** The error for bytes that lie behind the end of the file. */
  truncated(what: string, position: number, needed: number): FilesError {
    return new FilesError(
      "truncated-file",
      `${this.path} is cut short or its header is damaged: ${what} needs ${needed} bytes from byte ${position} on, ` +
        `but the file ends after ${this.size} bytes. Fetch the file again.`,
    );
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private async readSome(into: Uint8Array, offset: number, position: number, what: string): Promise<number> {
    try {
      return await this.file.read(into, offset, position);
    } catch (cause) {
      if (cause instanceof FilesError) throw cause;
      throw new FilesError(
        "file-unreadable",
        `Reading ${what} at byte ${position} of ${this.path} failed (${reasonOf(cause)}): ` +
          "see that the file is still there, open and readable.",
        { cause },
      );
    }
  }
}

/** Closes what was opened when a later step fails, so that an error leaks no file. */
export async function closeOnFailure<Result>(
  file: { close(): Promise<void> },
  step: () => Promise<Result>,
): Promise<Result> {
  try {
    return await step();
  } catch (error) {
    await file.close();
    throw error;
  }
}
