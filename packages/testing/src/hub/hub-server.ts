import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A repository of the test hub: commits by hash, files by path. */
export interface TestRepository {
  readonly commits: Readonly<Record<string, Readonly<Record<string, Buffer>>>>;
  readonly refs: Readonly<Record<string, string>>;
  readonly gated?: boolean;
}

/** What goes wrong with one answer. */
export interface Fault {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** The connection is destroyed after so many bytes of the body. */
  readonly cutAfter?: number;
  /** The connection stays open, silent, after so many bytes of the body. */
  readonly silentAfter?: number;
  readonly corrupt?: boolean;
  readonly ignoreRange?: boolean;
}

export interface SeenRequest {
  readonly host: "hub" | "content";
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
}

export const grantedToken = "hf_granted";
export const strangerToken = "hf_stranger";
const pageSize = 3;

/** Files that the real hub keeps in LFS: their hash is a sha256 and a second host serves them. */
const isLarge = (path: string) => /\.(safetensors|gguf)$/.test(path);

export const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
export const gitSha1 = (bytes: Buffer) =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
export const blobNameOf = (path: string, bytes: Buffer) => (isLarge(path) ? sha256(bytes) : gitSha1(bytes));

/** A hub on this machine: API and small files on one port, contents of large ones on another. */
export class HubServer {
  /** Models by `org/name`, data sets by `datasets/org/name`. */
  readonly repositories: Record<string, TestRepository> = {};
  readonly seen: SeenRequest[] = [];
  /** Asked before each answer; what it returns goes wrong. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  hasTree = true;
  endpoint = "";
  contentOrigin = "";
  private readonly hub: Server;
  private readonly content: Server;

  constructor() {
    this.hub = createServer((request, response) => this.answer("hub", request, response));
    this.content = createServer((request, response) => this.answer("content", request, response));
  }

  async start(): Promise<this> {
    this.endpoint = await listen(this.hub);
    this.contentOrigin = await listen(this.content);
    return this;
  }

  async stop(): Promise<void> {
    for (const server of [this.hub, this.content]) {
      server.closeAllConnections();
      if (server.listening) await new Promise((done) => server.close(done));
    }
  }

  /** GETs for a file's content that reached the given host. */
  downloads(host: SeenRequest["host"], name: string): SeenRequest[] {
    return this.seen.filter((one) => one.host === host && one.method === "GET" && one.path.endsWith(name));
  }

  private answer(
    host: SeenRequest["host"],
    request: IncomingMessage,
    response: ServerResponse,
  ): ServerResponse {
    const { method = "GET", url = "/", headers } = request;
    const seen = { host, method, path: decodeURIComponent(url), headers };
    this.seen.push(seen);
    const fault = this.fault(seen);
    if (fault?.status !== undefined) return refuse(response, fault.status, fault.headers);
    const path = url.split("?")[0]!.split("/").map(decodeURIComponent);
    if (host === "content") return this.serveContent(path, headers.range, response, fault);
    if (path[1] === "api")
      return this.serveApi(joinDataset(path.slice(path[2] === "datasets" ? 2 : 3)), url, response);
    return this.serveFile(joinDataset(path.slice(1)), request, response, fault);
  }

  private serveApi(
    [org, name, kind, ...rest]: string[],
    url: string,
    response: ServerResponse,
  ): ServerResponse {
    const repository = this.repositories[`${org}/${name}`];
    if (repository === undefined) return refuse(response, 401, { "x-error-code": "RepoNotFound" });
    const revision = rest.join("/");
    const commit = repository.refs[revision] ?? revision;
    const files = repository.commits[commit];
    if (files === undefined) return refuse(response, 404, { "x-error-code": "RevisionNotFound" });
    if (kind === "revision") {
      const siblings = Object.keys(files).map((rfilename) => ({ rfilename }));
      return json(response, {
        id: `${org}/${name}`,
        sha: commit,
        gated: repository.gated ?? false,
        siblings,
      });
    }
    if (!this.hasTree) return refuse(response, 404, {});
    const start = Number(new URL(url, this.endpoint).searchParams.get("cursor") ?? 0);
    const next = `${this.endpoint}${url.split("?")[0]}?recursive=true&cursor=${start + pageSize}`;
    if (start + pageSize < Object.keys(files).length) response.setHeader("link", `<${next}>; rel="next"`);
    return json(
      response,
      Object.entries(files)
        .map(describe)
        .slice(start, start + pageSize),
    );
  }

  private serveFile(
    path: string[],
    request: IncomingMessage,
    response: ServerResponse,
    fault?: Fault,
  ): ServerResponse {
    const [org, name, , revision = "", ...rest] = path;
    const repository = this.repositories[`${org}/${name}`];
    const commit = repository?.refs[revision] ?? revision;
    const file = rest.join("/");
    const bytes = repository?.commits[commit]?.[file];
    const token = request.headers.authorization;
    if (repository === undefined) return refuse(response, 401, { "x-error-code": "RepoNotFound" });
    if (repository.gated && token !== `Bearer ${grantedToken}`)
      return refuse(response, token ? 403 : 401, { "x-error-code": "GatedRepo" });
    if (bytes === undefined) return refuse(response, 404, { "x-error-code": "EntryNotFound" });
    response.setHeader("x-repo-commit", commit);
    if (!isLarge(file)) return sendBytes(response, bytes, gitSha1(bytes), request, fault);
    response.setHeader("x-linked-etag", `"${sha256(bytes)}"`);
    response.setHeader("x-linked-size", bytes.length);
    response.setHeader("location", `${this.contentOrigin}/${org}/${name}/${commit}/${file}`);
    return response.writeHead(302).end();
  }

  private serveContent(
    path: string[],
    range: string | undefined,
    response: ServerResponse,
    fault?: Fault,
  ): ServerResponse {
    const [org, name, commit = "", ...rest] = joinDataset(path.slice(1));
    const bytes = this.repositories[`${org}/${name}`]?.commits[commit]?.[rest.join("/")];
    if (bytes === undefined) return refuse(response, 404, {});
    // The content host's own ETag is not the file's hash, as on the real one.
    return sendBytes(response, bytes, "content-host", { method: "GET", headers: { range } }, fault);
  }
}

/** The path of a data set's address with `datasets/org` as one part. */
function joinDataset(path: readonly string[]): string[] {
  const [first, second, ...rest] = path;
  return first === "datasets" ? [`${first}/${second}`, ...rest] : [...path];
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function describe([path, bytes]: [string, Buffer]) {
  const entry = { type: "file", path, size: bytes.length, oid: gitSha1(bytes) };
  return isLarge(path)
    ? { ...entry, lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } }
    : entry;
}

function refuse(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
): ServerResponse {
  return response.writeHead(status, headers).end(JSON.stringify({ error: "refused" }));
}

function json(response: ServerResponse, body: unknown): ServerResponse {
  return response.setHeader("content-type", "application/json").end(JSON.stringify(body));
}

function sendBytes(
  response: ServerResponse,
  bytes: Buffer,
  etag: string,
  { method, headers }: { method?: string | undefined; headers: { range?: string | undefined } },
  fault: Fault = {},
): ServerResponse {
  const start = fault.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
  if (start > 0 && start >= bytes.length) return refuse(response, 416);
  const body = Buffer.from(bytes.subarray(start));
  if (fault.corrupt) body[body.length - 1]! ^= 1;
  if (start > 0) response.setHeader("content-range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
  response.setHeader("etag", `"${etag}"`).setHeader("content-length", body.length);
  response.writeHead(start > 0 ? 206 : 200);
  if (method === "HEAD") return response.end();
  const limit = fault.cutAfter ?? fault.silentAfter;
  if (limit === undefined) return response.end(body);
  response.write(body.subarray(0, limit), () => {
    // The bytes must leave before the connection is destroyed.
    if (fault.cutAfter !== undefined) setTimeout(() => response.destroy(), 20);
  });
  return response;
}
