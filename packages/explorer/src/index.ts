/** Where the page's static files lie, for whoever serves them; and a small server that does. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the page's files, which any host serves as it is; `index.html` in it is the page. */
export const pageFolder: string = fileURLToPath(new URL("../dist/page", import.meta.url));

export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>;
  /** With these a browser lets the page use threads. */
  readonly headers: Readonly<Record<string, string>>;
}

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** What the page's host can do for it beside giving its files. */
export interface PageHost {
  /** The OpenAI protocol of `amulet serve`, beside the page; `key` where it is answered to those alone who have one. */
  readonly server?: "open" | "key" | undefined;
  /** Where models of the hub are fetched, instead of https://huggingface.co. */
  readonly hub?: string | undefined;
}

/**
 * What the page's host answers at a path, `/` and `/assets/page.js`; undefined where there is no such file. Only names of
 * the page's own files are taken: no way leads out of its folder.
 *
 * @param host is told to the page in its head, so that it need not try what is not there
 */
export async function readPageFile(pathname: string, host: PageHost = {}): Promise<PageFile | undefined> {
  const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
  if (!/^(\/[\w-][\w.-]*)+$/.test(path)) return undefined;
  const body = await readFile(join(pageFolder, path)).catch(() => undefined);
  if (!body) return undefined;
  const headers = {
    "content-type": types[extname(path)] ?? "application/octet-stream",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    // Names under assets/ change with their content.
    "cache-control": path.startsWith("/assets/") ? "max-age=31536000, immutable" : "no-cache",
    "x-content-type-options": "nosniff",
  };
  return { body: new Uint8Array(path.endsWith("/index.html") ? withHost(body, host) : body), headers };
}

function withHost(page: Buffer, { server, hub }: PageHost): Buffer {
  const meta = (name: string, content: string) =>
    `<meta name="amulet-${name}" content="${content.replace(/[^\w.:/-]/g, encodeURIComponent)}" />`;
  const metas = [server && meta("server", server), hub && meta("hub", hub)].filter(Boolean).join("\n    ");
  return metas === ""
    ? page
    : Buffer.from(page.toString("utf8").replace("</head>", () => `  ${metas}\n  </head>`));
}

export interface PageServer {
  /** The page's address, with a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the page on this machine and to nobody else.
 *
 * @param port 0 takes a free one
 * @throws Error with Node's `code`: `EADDRINUSE` where the port is taken, `EACCES` where it may not be
 */
export async function servePage(port = 0, host: PageHost = {}): Promise<PageServer> {
  const server = createServer((request, response) => void answer(request, response, host));
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", listening);
  });
  const close = () =>
    new Promise<void>((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
}

async function answer(
  { method, url = "/", headers: { range } }: IncomingMessage,
  response: ServerResponse,
  host: PageHost,
): Promise<void> {
  if (method !== "GET" && method !== "HEAD")
    return void response.writeHead(405, { allow: "GET, HEAD" }).end();
  const file = await readPageFile(url.replace(/[?#].*$/s, ""), host);
  if (!file)
    return void response.writeHead(404, { "content-type": "text/plain" }).end("There is no such file.\n");
  const { status, headers, body } = partOf(file, range);
  response.writeHead(status, { ...headers, "content-length": body.length });
  response.end(method === "HEAD" ? undefined : body);
}

/** A model is read in parts. What is no range of one part is answered whole, as the standard allows. */
function partOf({ body, headers }: PageFile, range = ""): PageFile & { readonly status: number } {
  const ranged = { ...headers, "accept-ranges": "bytes" };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  if (from === undefined || Number(from) >= body.length) return { status: 200, headers: ranged, body };
  const part = body.subarray(Number(from), to ? Number(to) + 1 : undefined);
  const contentRange = `bytes ${from}-${Number(from) + part.length - 1}/${body.length}`;
  return { status: 206, headers: { ...ranged, "content-range": contentRange }, body: part };
}
