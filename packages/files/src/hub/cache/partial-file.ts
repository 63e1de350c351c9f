import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { constants, copyFile, type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import type { RemoteFile } from "../remote/remote-model.js";
import { sizeOf } from "./cache-layout.js";

/**
 * The part of a file that has arrived, on disk, hashed as it grows. Bytes are written at their own offset and the
 * file is never truncated, only replaced: two processes writing it by mistake write the same bytes to the same places.
 */
export class PartialFile {
  private readonly path: string;
  private readonly file: RemoteFile;
  private handle: FileHandle;
  private hash: Hash;
  private reached = 0;

  private constructor(path: string, file: RemoteFile, handle: FileHandle) {
    this.path = path;
    this.file = file;
    this.handle = handle;
    this.hash = startHash(file);
  }

  /** Opens what an earlier attempt left at `path`, and hashes it; starts anew where it cannot be trusted. */
  static async open(path: string, file: RemoteFile): Promise<PartialFile> {
    const before = await sizeOf(path);
    // Without a digest nothing would tell an old beginning from a wrong one.
    if (before !== undefined && (before > file.size || file.digest === undefined))
      await rm(path, { force: true });
    const partial = new PartialFile(path, file, await openForUpdate(path));
    await partial.readBeginning();
    return partial;
  }

  /** Bytes that have arrived. */
  get position(): number {
    return this.reached;
  }

  get isFull(): boolean {
    return this.reached === this.file.size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.byteLength) {
      const rest = bytes.byteLength - written;
      written += (await this.handle.write(bytes, written, rest, this.reached + written)).bytesWritten;
    }
    this.hash.update(bytes);
    this.reached += bytes.byteLength;
  }

  /** Goes back to the beginning: the server sends the whole file. */
  rewind(): void {
    this.hash = startHash(this.file);
    this.reached = 0;
  }

  /** The hash of what has arrived. */
  digest(): string {
    return this.hash.copy().digest("hex");
  }

  /** Throws away what has arrived, wrong as it is. */
  async discard(): Promise<void> {
    await this.handle.close();
    await rm(this.path, { force: true });
    this.handle = await openForUpdate(this.path);
    this.rewind();
  }

  /** Makes the file durable and gives it its name in one step. */
  async publish(path: string): Promise<void> {
    await this.handle.sync();
    await this.close();
    await rename(this.path, path).catch(async (error: unknown) => {
      if ((await sizeOf(path)) !== this.file.size) throw error;
    });
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private async readBeginning(): Promise<void> {
    for await (const bytes of createReadStream(this.path, { highWaterMark: 2 ** 20 })) {
      this.hash.update(bytes);
      this.reached += bytes.length;
    }
  }
}

/**
 * Starts `ours` from the beginning that Python's library left at `theirs`, by copying: a Python process may be
 * appending to it at this moment, and does not see our locks.
 */
export async function adoptForeignPartial(theirs: string, ours: string): Promise<void> {
  if ((await sizeOf(ours)) !== undefined || !(await sizeOf(theirs))) return;
  await copyFile(theirs, ours, constants.COPYFILE_FICLONE).catch(() => rm(ours, { force: true }));
}

/** Removes Python's beginning once the whole file is here, unless it was touched within the last minute. */
export async function dropForeignPartial(theirs: string): Promise<void> {
  const found = await stat(theirs).catch(() => undefined);
  if (found && Date.now() - found.mtimeMs > 60_000) await rm(theirs, { force: true }).catch(() => {});
}

async function openForUpdate(path: string): Promise<FileHandle> {
  return open(path, "r+").catch(() => open(path, "w+"));
}

function startHash({ digest, size }: RemoteFile): Hash {
  return digest?.kind === "git-sha1" ? createHash("sha1").update(`blob ${size}\0`) : createHash("sha256");
}
