/** A server for pages: folders and files under prefixes, with ranges. */
import { readFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** Where npm has put the three .wasm files. */
export const wasmFolder = fileURLToPath(
  new URL("../../node_modules/@tensorflow/tfjs-backend-wasm/dist", import.meta.url),
);

const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

export interface PageServer {
  /** Without a slash at its end. */
  readonly origin: string;
  close(): void;
}

/** @param served what lies where: `["/wasm", folder]`; the first prefix that fits counts, `""` fits always */
export async function serve(
  served: readonly (readonly [prefix: string, path: string])[],
): Promise<PageServer> {
  const server: Server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url!, "http://local").pathname);
    const [prefix, root] = served.find(([start]) => path === start || path.startsWith(`${start}/`))!;
    const content = await readFile(root + path.slice(prefix.length)).catch(() => undefined);
    if (!content) response.writeHead(404).end();
    else send(content, extname(path), request.headers.range, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  };
}

function send(content: Buffer, extension: string, range: string | undefined, response: ServerResponse): void {
  const headers = { "content-type": types[extension] ?? "application/octet-stream" };
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  if (from === undefined) return void response.writeHead(200, headers).end(content);
  const part = content.subarray(Number(from), Number(to) + 1);
  const contentRange = `bytes ${from}-${Number(from) + part.length - 1}/${content.length}`;
  response.writeHead(206, { ...headers, "content-range": contentRange }).end(part);
}
