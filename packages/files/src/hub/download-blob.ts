import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FilesError } from "../errors.js";
import { bodyChunks } from "../http/body-chunks.js";
import { makeFolders } from "../places/own-files.js";
import { blobPath, locksFolder, repositoryFolder, sizeOf } from "./cache/cache-layout.js";
import { acquireLock } from "./cache/file-lock.js";
import { adoptForeignPartial, dropForeignPartial, PartialFile } from "./cache/partial-file.js";
import type { Subject } from "./remote/refusal.js";
import type { RemoteFile } from "./remote/remote-model.js";
import { request, unreachable } from "./remote/request.js";
import { retry, TransientFailure } from "./remote/retry.js";
import { Watch } from "./remote/watch.js";
import type { HubSettings } from "./settings.js";

/** One file to bring into the cache's blobs. */
export interface BlobDownload {
  readonly url: string;
  readonly file: RemoteFile;
  readonly subject: Subject;
  /** Bytes on disk, and how many of them have just arrived. */
  readonly report: (receivedBytes: number, fetchedBytes: number) => void;
}

/** Where our own beginning of a blob lies: beside Python's `.incomplete`, which its library appends to unasked. */
export function partialPath(folder: string, blobName: string): string {
  return blobPath(folder, `${blobName}.amulet.incomplete`);
}

export function lockPath(cacheFolder: string, repository: string, blobName: string): string {
  return join(locksFolder(cacheFolder, repository), `${blobName}.amulet.lock`);
}

/**
 * Brings a blob into the cache unless it is there: one process at a time, going on where an earlier attempt stopped,
 * hash checked before the blob gets its name.
 * @throws FilesError `hub` or `offline` when the attempts are used up or the content stays wrong.
 */
export async function downloadBlob(settings: HubSettings, download: BlobDownload): Promise<void> {
  const { file, subject, report } = download;
  const folder = repositoryFolder(settings.cacheFolder, subject.repository);
  const blob = blobPath(folder, file.blobName);
  await makeFolders(dirname(blob));
  const lock = await acquireLock(lockPath(settings.cacheFolder, subject.repository, file.blobName), settings);
  try {
    if ((await sizeOf(blob)) !== file.size) await fetchBlob(settings, download, folder);
    report(file.size, 0);
  } finally {
    await lock.release();
  }
}

async function fetchBlob(settings: HubSettings, download: BlobDownload, folder: string): Promise<void> {
  const { blobName } = download.file;
  const ours = partialPath(folder, blobName);
  const theirs = blobPath(folder, `${blobName}.incomplete`);
  await adoptForeignPartial(theirs, ours);
  const partial = await PartialFile.open(ours, download.file);
  try {
    await fillChecked(settings, download, partial);
    await partial.publish(blobPath(folder, blobName));
  } catch (error) {
    await partial.close();
    if (partial.position === 0) await rm(ours, { force: true });
    throw error;
  }
  await dropForeignPartial(theirs);
}

/** Wrong bytes may come from an old beginning or a bad line: the file is fetched whole once more, not forever. */
async function fillChecked(
  settings: HubSettings,
  download: BlobDownload,
  partial: PartialFile,
): Promise<void> {
  for (const lastChance of [false, true]) {
    await fill(settings, download, partial);
    const expected = download.file.digest?.hex;
    const found = partial.digest();
    if (expected === undefined || found === expected) return;
    await partial.discard();
    if (lastChance) throw wrongContent(download, expected, found);
  }
}

async function fill(settings: HubSettings, download: BlobDownload, partial: PartialFile): Promise<void> {
  let fetched = 0;
  download.report(partial.position, 0);
  const onBytes = (count: number) => {
    fetched += count;
    download.report(partial.position, count);
  };
  const attempt = () => receive(settings, download, partial, onBytes);
  await retry(settings, attempt, { patient: true, advanced: () => fetched });
}

/** One connection: asks for what is missing and writes it until it is there or the connection breaks. */
async function receive(
  settings: HubSettings,
  { url, file, subject }: BlobDownload,
  partial: PartialFile,
  onBytes: (count: number) => void,
): Promise<void> {
  if (partial.isFull) return;
  const watch = new Watch(
    settings.stallMilliseconds,
    `no data for ${settings.stallMilliseconds / 1000} seconds`,
  );
  let response: Response | undefined;
  try {
    response = await request(settings, url, subject, {
      headers: partial.position > 0 ? { range: `bytes=${partial.position}-` } : {},
      accept: [416],
      signal: watch.signal,
    });
    await alignStart(response, partial, file, subject);
    for await (const bytes of readBody(response, new URL(url), [watch.signal, settings.signal])) {
      watch.restart();
      if (partial.position + bytes.byteLength > file.size) throw await tooLong(partial, file, subject);
      await partial.write(bytes);
      onBytes(bytes.byteLength);
    }
  } finally {
    watch.stop();
    // One that nobody reads, since the file can't be written, keeps its connection from the next question.
    await response?.body?.cancel().catch(() => {});
  }
  if (!partial.isFull) throw new TransientFailure(unreachable(new URL(url), "the connection was cut"));
}

/** Makes the partial file begin where the answer does. */
async function alignStart(
  response: Response,
  partial: PartialFile,
  file: RemoteFile,
  subject: Subject,
): Promise<void> {
  if (response.status === 200) return partial.rewind();
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  const fits = Number(range?.[1]) === partial.position && ["*", String(file.size)].includes(range?.[2] ?? "");
  if (response.status === 206 && fits) return;
  await response.body?.cancel();
  await partial.discard();
  const message = `${subject.repository}: the server cannot continue ${file.path} where it stopped. Try again.`;
  throw new TransientFailure(new FilesError("hub", message));
}

/** @param signals end it, each for its own reason: the first releases of Node 20 fail with another then */
async function* readBody(
  response: Response,
  url: URL,
  signals: readonly (AbortSignal | undefined)[],
): AsyncGenerator<Uint8Array> {
  const chunks = bodyChunks(response, signals);
  try {
    for (;;) {
      const { value, done } = await chunks.next().catch((error: unknown) => {
        const ended = signals.find((signal) => signal?.aborted);
        throw new TransientFailure(unreachable(url, ended ? ended.reason : error));
      });
      if (done) return;
      yield value;
    }
  } finally {
    await chunks.return(undefined);
  }
}

async function tooLong(partial: PartialFile, file: RemoteFile, subject: Subject): Promise<TransientFailure> {
  await partial.discard();
  const message = `${subject.repository}: ${file.path} came longer than its ${file.size} bytes. Try again later.`;
  return new TransientFailure(new FilesError("hub", message));
}

function wrongContent({ file, subject }: BlobDownload, expected: string, found: string): FilesError {
  const kind = file.digest?.kind === "sha256" ? "sha256" : "git sha1";
  return new FilesError(
    "hub",
    `${subject.repository}: ${file.path} came damaged twice: its ${kind} should be ${expected}, but is ${found}. ` +
      "Nothing of it was kept. Try again later, or check the proxy or mirror in between.",
  );
}
