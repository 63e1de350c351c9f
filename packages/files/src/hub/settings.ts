import { statfs } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FilesError } from "../errors.js";
import { onDisk } from "../places/disk.js";
import type { JsonObject } from "../places/read-json.js";
import type { HubProgress } from "./progress.js";
import { fetchThroughProxies } from "./remote/proxies.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** How to reach the hub and its cache. What is absent comes from the environment, as in Python's library. */
export interface HubOptions {
  /** Default: `HF_ENDPOINT`, then https://huggingface.co. */
  readonly endpoint?: string | undefined;
  /** Default: `HF_TOKEN`, then the file `HF_TOKEN_PATH` or `token` in the home folder, which a login writes. */
  readonly token?: string | undefined;
  /** Default: `HF_HUB_CACHE`, then `HF_HOME`/hub, then ~/.cache/huggingface/hub. */
  readonly cacheFolder?: string | undefined;
  /** Use the cache alone. Default: whether `HF_HUB_OFFLINE` is set. */
  readonly offline?: boolean | undefined;
  /** Ask the hub for a newer commit even when the cache holds the revision. */
  readonly refresh?: boolean | undefined;
  /** Called with every piece that arrives; the caller draws. */
  readonly onProgress?: ((progress: HubProgress) => void) | undefined;
  /** Ends the call; what has arrived is kept for the next one. */
  readonly signal?: AbortSignal | undefined;
  /** Default: `process.env`. */
  readonly environment?: Environment | undefined;
  /** Default: the global one, through a proxy where `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say so. */
  readonly fetch?: typeof fetch | undefined;
  /** How to pause between attempts, in milliseconds. */
  readonly wait?: ((milliseconds: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** Bytes that may still be written below a folder. */
  readonly freeBytes?: ((folder: string) => Promise<number>) | undefined;
  /** Milliseconds that an answer about a model may take. Default: `HF_HUB_ETAG_TIMEOUT` in seconds, then 10 seconds. */
  readonly metadataMilliseconds?: number | undefined;
  /** Called with config.json before weights are fetched; what it throws ends the call. */
  readonly checkConfig?: ((config: JsonObject, where: string) => void) | undefined;
  /** Milliseconds without a byte after which a connection counts as broken. Default: 60,000. */
  readonly stallMilliseconds?: number | undefined;
}

/** {@link HubOptions} with every default filled in. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly cacheFolder: string;
  readonly offline: boolean;
  readonly refresh: boolean;
  readonly onProgress: (progress: HubProgress) => void;
  readonly signal: AbortSignal | undefined;
  readonly fetch: typeof fetch;
  readonly wait: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly freeBytes: (folder: string) => Promise<number>;
  readonly stallMilliseconds: number;
  readonly metadataMilliseconds: number;
  readonly checkConfig: (config: JsonObject, where: string) => void;
}

/**
 * Fills in what `options` leave open.
 * @throws FilesError `hub` for an endpoint that is no URL or a token that cannot travel in a header.
 */
export async function readSettings(options: HubOptions): Promise<HubSettings> {
  const environment = options.environment ?? process.env;
  return {
    endpoint: readEndpoint(options.endpoint ?? (environment.HF_ENDPOINT || "https://huggingface.co")),
    token: checkToken(options.token ?? (await readToken(environment))),
    cacheFolder: cacheFolder(options, environment),
    offline: options.offline ?? /^(1|on|yes|true)$/i.test(environment.HF_HUB_OFFLINE ?? ""),
    refresh: options.refresh ?? false,
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal,
    fetch: options.fetch ?? fetchThroughProxies(environment),
    wait: options.wait ?? pause,
    freeBytes: options.freeBytes ?? readFreeBytes,
    stallMilliseconds: options.stallMilliseconds ?? 60_000,
    metadataMilliseconds: options.metadataMilliseconds ?? readTimeout(environment.HF_HUB_ETAG_TIMEOUT),
    checkConfig: options.checkConfig ?? (() => {}),
  };
}

/** Seconds as text, to milliseconds. */
function readTimeout(text: string | undefined): number {
  const seconds = Number(text);
  return seconds > 0 && seconds < 86_400 ? 1000 * seconds : 10_000;
}

/** Where Python's library keeps models too. */
export function cacheFolder(
  options: HubOptions,
  environment: Environment = options.environment ?? process.env,
): string {
  const named = options.cacheFolder || environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE;
  return named ? expandHome(named) : join(homeFolder(environment), "hub");
}

function homeFolder(environment: Environment): string {
  const { HF_HOME, XDG_CACHE_HOME } = environment;
  return HF_HOME ? expandHome(HF_HOME) : join(expandHome(XDG_CACHE_HOME || "~/.cache"), "huggingface");
}

function expandHome(path: string): string {
  return resolve(path.replace(/^~(?=$|[\\/])/, () => homedir()));
}

function readEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return text.replace(/\/+$/, "");
  throw new FilesError("hub", `The hub's address must be an http(s) URL, not "${text}". Check HF_ENDPOINT.`);
}

async function readToken(environment: Environment): Promise<string | undefined> {
  if (environment.HF_TOKEN) return environment.HF_TOKEN;
  const path = environment.HF_TOKEN_PATH || join(homeFolder(environment), "token");
  return onDisk(expandHome(path))
    .readText()
    .catch(() => undefined);
}

function checkToken(token: string | undefined): string | undefined {
  const trimmed = token?.trim();
  if (!trimmed) return undefined;
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw new FilesError("hub", "The hub's token holds spaces or other signs no token has. Check HF_TOKEN.");
}

async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, signal && { signal });
}

async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
