/** Files behind URLs, read by HTTP range requests: a page holds what it loads and not the whole file. */
import { FilesError } from "../errors.js";
import { openBlob } from "./blobs.js";
import { type OpenFile, type Place, tooLong, usualTextBytes } from "./place.js";
import { readBounded } from "./read-bounded.js";
import { reasonOf } from "./system-errors.js";

/** Bytes fetched at once while a file is read on: small tensors that lie side by side come with one request. */
const windowBytes = 4 << 20;

/**
 * A model by its URL: a file where the path ends in `.gguf`, else a folder.
 *
 * @param base what a relative address is relative to
 */
export function onWeb(address: string | URL, base: string | undefined): Place {
  const url = parseUrl(address, base);
  if (/\.gguf$/i.test(url.pathname)) return webFile(url);
  const folder = new URL(url);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return {
    ...webFile(url),
    kind: async () => "folder",
    child: (name) => webFile(besideUrl(folder, name)),
  };
}

function parseUrl(address: string | URL, base: string | undefined): URL {
  try {
    return new URL(address, base);
  } catch (cause) {
    throw new FilesError(
      "file-not-found",
      `${address} is not a URL: give one such as https://…/model.gguf.`,
      {
        cause,
      },
    );
  }
}

function webFile(url: URL): Place {
  return {
    path: url.href,
    name: decodeName(url.pathname.replace(/\/$/, "").replace(/^.*\//s, "")),
    kind: async () => {
      const response = await ask(url, "bytes=0-0");
      await response?.body?.cancel();
      return response && "file";
    },
    open: () => openUrl(url),
    readText: async (mostBytes = usualTextBytes) => {
      const response = await ask(url);
      return response && readBounded(response, mostBytes, () => tooLong(url.href, mostBytes));
    },
    child: (name) => webFile(besideUrl(url, name)),
    sibling: (name) => webFile(besideUrl(url, name)),
  };
}

/** A `%` that escapes nothing stands for itself. */
function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Of a folder's URL, which ends in a slash, a file in or below it. What follows a `?` belongs to the server and stays. */
function besideUrl(url: URL, name: string): URL {
  const other = new URL(name.split("/").map(encodeURIComponent).join("/"), url);
  other.search = url.search;
  return other;
}

async function openUrl(url: URL): Promise<OpenFile> {
  const response = await ask(url, `bytes=0-${windowBytes - 1}`);
  if (!response) throw new FilesError("file-not-found", `There is no file ${url.href}: check the address.`);
  const size = sizeOf(response, 0);
  if (size !== undefined) return new RangedFile(url, size, new Uint8Array(await response.arrayBuffer()));
  // A server that knows no ranges sends the whole file; a blob of it may lie on the browser's disk.
  if (response.status === 200) return openBlob(await response.blob());
  await response.body?.cancel();
  return openWhole(url);
}

/** Where a part came and not of what: its size stands in a header that the server may not let a page read. */
async function openWhole(url: URL): Promise<OpenFile> {
  const response = await ask(url);
  if (response?.status === 200) return openBlob(await response.blob());
  await response?.body?.cancel();
  throw new FilesError(
    "file-unreadable",
    `${url.href} can't be read: the server sends parts of it and does not tell its size. Let it send ` +
      "`Access-Control-Expose-Headers: Content-Range`, or whole files with status 200.",
  );
}

/** The file's length from an answer to a range request; nothing where the answer is not a part that starts there. */
function sizeOf({ status, headers }: Response, start: number): number | undefined {
  const [, first, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  const isPart = status === 206 && Number(first) === start && Number.isSafeInteger(Number(size));
  return isPart ? Number(size) : undefined;
}

class RangedFile implements OpenFile {
  private windowStart = 0;

  constructor(
    private readonly url: URL,
    readonly size: number,
    private window: Uint8Array,
  ) {}

  async read(into: Uint8Array, offset: number, position: number): Promise<number> {
    const wanted = Math.min(into.length - offset, this.size - position);
    if (wanted <= 0) return 0;
    const inside = position - this.windowStart;
    if (inside < 0 || inside >= this.window.length) {
      await this.fetchWindow(position, wanted);
      return this.read(into, offset, position);
    }
    const part = this.window.subarray(inside, inside + wanted);
    into.set(part, offset);
    return part.length;
  }

  async close(): Promise<void> {
    this.window = new Uint8Array(0);
  }

  /** Reads ahead where the last window is continued, and takes just what is wanted elsewhere. */
  private async fetchWindow(position: number, wanted: number): Promise<void> {
    const skipped = position - (this.windowStart + this.window.length);
    const ahead = skipped >= 0 && skipped < windowBytes ? windowBytes : 0;
    const end = Math.min(position + Math.max(wanted, ahead), this.size);
    const response = await ask(this.url, `bytes=${position}-${end - 1}`);
    const window = response && new Uint8Array(await response.arrayBuffer());
    if (!window?.length || sizeOf(response!, position) !== this.size)
      throw new Error("the server no longer sends parts of the file that was opened");
    this.window = window;
    this.windowStart = position;
  }
}

/**
 * Asks for a file, or for a range of its bytes; nothing where there is none.
 *
 * @throws FilesError `file-unreadable`
 */
async function ask(url: URL, range?: string): Promise<Response | undefined> {
  const response = await fetch(url, range === undefined ? {} : { headers: { range } }).catch((cause) => {
    const way = "see that the server runs and lets this page read from it (CORS)";
    throw new FilesError("file-unreadable", `${url.href} can't be fetched (${reasonOf(cause)}): ${way}.`, {
      cause,
    });
  });
  if (response.status === 404 || response.status === 410 || isPage(response)) {
    await response.body?.cancel();
    return undefined;
  }
  if (response.ok) return response;
  throw new FilesError(
    "file-unreadable",
    `${url.href} can't be fetched: the server answered ${response.status} ${response.statusText}.`.trim(),
  );
}

/** Servers of single-page applications answer with their page for what they don't have. */
function isPage({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/html") ?? false;
}
