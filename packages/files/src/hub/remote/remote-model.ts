import * as v from "valibot";
import { FilesError } from "../../errors.js";
import { isSafePath } from "../../places/safe-path.js";
import { defaultRevision, type ModelId } from "../model-id.js";
import type { HubSettings } from "../settings.js";
import { Questions } from "./questions.js";
import { isDataset, type Subject } from "./refusal.js";

/** A hash the hub promises for a file: sha256 of its bytes (LFS), or git's sha1 of the blob (small files). */
export interface Digest {
  readonly kind: "sha256" | "git-sha1";
  readonly hex: string;
}

/** A file of a repository at one commit. */
export interface RemoteFile {
  /** With its folders inside the repository. */
  readonly path: string;
  readonly size: number;
  /** Absent only behind mirrors whose ETags are no hashes. */
  readonly digest: Digest | undefined;
  /** The file's name among the cache's blobs: its ETag, which is its hash on the hub itself. */
  readonly blobName: string;
}

/** What the hub says of a revision: its commit, and its files where it lists them with sizes and hashes. */
export interface RemoteModel {
  readonly questions: Questions;
  readonly commit: string;
  readonly paths: readonly string[];
  /** Undefined where the host has no tree; then {@link describeFile} asks for each file. */
  readonly files: readonly RemoteFile[] | undefined;
}

const mostPages = 1000;

/** Asks which commit a revision is and which files it holds. */
export async function fetchRemoteModel(settings: HubSettings, id: ModelId): Promise<RemoteModel> {
  const subject = { repository: id.repository, revision: id.revision ?? defaultRevision };
  const api = `${settings.endpoint}/api/${isDataset(id.repository) ? "" : "models/"}${id.repository}`;
  const questions = new Questions(settings);
  const info = await fetchJson(questions, `${api}/revision/${encodeURIComponent(subject.revision)}`, subject);
  const commit = readCommit(info.body, subject);
  const entries = await fetchTree(questions, `${api}/tree/${commit}?recursive=true`, subject);
  const files = entries?.flatMap(readTreeEntry);
  return { questions, commit, files, paths: files?.map(({ path }) => path) ?? readSiblings(info.body) };
}

/** Learns size and hash of one file from a HEAD, for hosts that mirror files but not the hub's tree. */
export async function describeFile(
  questions: Questions,
  url: string,
  subject: Subject & { readonly file: string },
): Promise<RemoteFile> {
  const headers = await questions.ask(url, subject, { method: "HEAD" }, (response) => response.headers);
  const etag = (headers.get("x-linked-etag") ?? headers.get("etag") ?? "").replace(/^W\/|"/g, "");
  const size = Number(headers.get("x-linked-size") ?? headers.get("content-length") ?? Number.NaN);
  if (!/^[\w.-]+$/.test(etag) || !Number.isSafeInteger(size))
    throw malformed(subject, `${url} has no ETag and size`);
  return { path: subject.file, size, digest: readDigest(etag), blobName: etag };
}

/** Where a file's bytes are. */
export function fileUrl(settings: HubSettings, repository: string, commit: string, path: string): string {
  return `${settings.endpoint}/${repository}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

async function fetchTree(
  questions: Questions,
  url: string,
  subject: Subject,
): Promise<unknown[] | undefined> {
  const pages: unknown[][] = [];
  let next: string | undefined = url;
  for (let page = 0; next !== undefined && page < mostPages; page += 1) {
    const { status, body, link }: JsonAnswer = await fetchJson(questions, next, subject, [404, 405, 501]);
    if (status !== 200 && page === 0) return undefined;
    if (!Array.isArray(body)) throw malformed(subject, `${next} is no list of files`);
    pages.push(body);
    next = link;
  }
  return pages.flat();
}

interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
  /** The next page. */
  readonly link: string | undefined;
}

async function fetchJson(
  questions: Questions,
  url: string,
  subject: Subject,
  accept: readonly number[] = [],
): Promise<JsonAnswer> {
  return questions.ask(url, subject, { accept }, async (response, signal) => {
    const { status, headers, ok } = response;
    const next = /<([^>]+)>\s*;[^,]*rel="?next"?/i.exec(headers.get("link") ?? "")?.[1];
    const link = next === undefined ? undefined : new URL(next, url).href;
    const text = await questions.text(response, url, signal);
    return { status, body: ok ? parseJson(text, subject) : undefined, link };
  });
}

function parseJson(text: string, subject: Subject): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(subject, `what should be JSON begins ${JSON.stringify(text.slice(0, 40))}`, error);
  }
}

const safePath = v.pipe(v.string(), v.check(isSafePath));
const byteCount = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const infoSchema = v.object({ sha: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)) });
const siblingsSchema = v.object({ siblings: v.array(v.unknown()) });
const siblingSchema = v.object({ rfilename: safePath });
/** Of files in LFS, size and hash of the content stand apart; the others are those of a pointer. */
const treeEntrySchema = v.object({
  type: v.literal("file"),
  path: safePath,
  size: v.optional(v.unknown()),
  oid: v.optional(v.unknown()),
  lfs: v.optional(
    v.fallback(v.looseObject({ size: v.optional(v.unknown()), oid: v.optional(v.unknown()) }), {}),
  ),
});

function readCommit(body: unknown, subject: Subject): string {
  const info = v.safeParse(infoSchema, body);
  if (info.success) return info.output.sha;
  throw malformed(subject, "the model's description names no commit (sha)");
}

function readSiblings(body: unknown): string[] {
  const list = v.safeParse(siblingsSchema, body);
  const siblings = list.success ? list.output.siblings : [];
  return siblings.flatMap((entry) => {
    const sibling = v.safeParse(siblingSchema, entry);
    return sibling.success ? [sibling.output.rfilename] : [];
  });
}

/** What is no file of a plain path, size and hash is passed over. */
function readTreeEntry(value: unknown): RemoteFile[] {
  const entry = v.safeParse(treeEntrySchema, value);
  if (!entry.success) return [];
  const { path, size, oid, lfs } = entry.output;
  const bytes = lfs?.size ?? size;
  const named = lfs?.oid ?? oid;
  const hash = typeof named === "string" ? named.replace(/^sha256:/, "") : "";
  const digest = readDigest(hash);
  return digest !== undefined && v.is(byteCount, bytes)
    ? [{ path, size: bytes, digest, blobName: hash }]
    : [];
}

function readDigest(hex: string): Digest | undefined {
  if (/^[0-9a-f]{64}$/.test(hex)) return { kind: "sha256", hex };
  return /^[0-9a-f]{40}$/.test(hex) ? { kind: "git-sha1", hex } : undefined;
}

function malformed({ repository }: Subject, what: string, cause?: unknown): FilesError {
  const message = `The hub's answer about ${repository} makes no sense: ${what}. Check HF_ENDPOINT, or try again.`;
  return new FilesError("hub", message, { cause });
}
