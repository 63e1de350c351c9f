import { type FileHandle, open, stat } from "node:fs/promises";
import { ModelError } from "../errors.js";

/** A regular file that is read at positions, never as a whole. */
export class ModelFile {
  private constructor(
    readonly path: string,
    /** In bytes, when it was opened. */
    readonly size: number,
    private readonly handle: FileHandle,
  ) {}

  /** @throws ModelError `file-not-found`, `not-a-model` for a folder or a device, `file-unreadable` */
  static async open(path: string): Promise<ModelFile> {
    try {
      // Asked before opening: opening a pipe would wait for its writer for ever.
      const found = await stat(path);
      if (!found.isFile())
        throw new ModelError("not-a-model", `${path} is not a file: name the model file itself.`);
      return new ModelFile(path, found.size, await open(path, "r"));
    } catch (error) {
      throw explainOpening(path, error);
    }
  }

  /**
   * Fills all of `into` from byte `position` on.
   *
   * @param what names the bytes in the error
   * @throws ModelError `truncated-file`, `file-unreadable`
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
  truncated(what: string, position: number, needed: number): ModelError {
    return new ModelError(
      "truncated-file",
      `${this.path} is cut short or its header is damaged: ${what} needs ${needed} bytes from byte ${position} on, ` +
        `but the file ends after ${this.size} bytes. Fetch the file again.`,
    );
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private async readSome(into: Uint8Array, offset: number, position: number, what: string): Promise<number> {
    try {
      return (await this.handle.read(into, offset, into.length - offset, position)).bytesRead;
    } catch (cause) {
      throw new ModelError(
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

function explainOpening(path: string, error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  const reason = reasonOf(error);
  if (reason === "ENOENT" || reason === "ENOTDIR") {
    return new ModelError("file-not-found", `There is no file ${path}: check the path.`, { cause: error });
  }
  return new ModelError("file-unreadable", `${path} cannot be opened (${reason}): check its permissions.`, {
    cause: error,
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
