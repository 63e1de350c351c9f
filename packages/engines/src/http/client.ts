/** Requests to a server: JSON both ways, with a limit of time and size, tried again where that may help. */
import { throwIfAborted } from "@amulet-ts/core";
import { EngineError } from "../errors.js";

export interface ClientOptions {
  /** `http://HOST:PORT`, with or without `/v1`; a path before that is kept. */
  readonly address: string;
  /** Sent as a bearer token, and nowhere shown. */
  readonly key?: string | undefined;
  /** Milliseconds until an answer must be here, whole. */
  readonly timeoutMs?: number | undefined;
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** How often a request is sent at most. */
  readonly attempts?: number;
  /** Bytes that an answer may have. */
  readonly mostBytes?: number;
}

const MiB = 2 ** 20;
const defaultTimeoutMs = 120_000;
/** Six tries wait half a minute in all. */
const defaultAttempts = 6;
const firstWaitMs = 500;
/** Longer than this a server's Retry-After is not obeyed: the request fails, and says so. */
const longestWaitMs = 60_000;
/** Answers that another try may better: too many requests, not ready, a broken link on the way. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What a server said no with. */
export class RefusedRequest extends EngineError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super("refused", message);
  }
}

export class HttpClient {
  /** The address as it may be shown: without user, password and query. */
  readonly address: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly secrets: readonly string[];
  private readonly timeoutMs: number;

  constructor({ address, key, timeoutMs = defaultTimeoutMs }: ClientOptions) {
    const url = new URL(address);
    this.address = `${url.origin}${url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "")}`;
    const login = url.username && `Basic ${btoa(`${url.username}:${decodeURIComponent(url.password)}`)}`;
    const authorization = key ? `Bearer ${key}` : login;
    this.secrets = [key, url.password, authorization].filter(
      (secret) => secret !== undefined && secret !== "",
    ) as string[];
    this.headers = {
      accept: "application/json",
      "content-type": "application/json",
      ...(authorization && { authorization }),
    };
    this.timeoutMs = timeoutMs;
  }

  /** @returns the JSON of the answer. @throws EngineError `unreachable`, `refused`, `bad-answer`; CoreError `aborted` */
  get(path: string, options: RequestOptions = {}): Promise<unknown> {
    return this.request("GET", path, undefined, options);
  }

  post(path: string, body: object, options: RequestOptions = {}): Promise<unknown> {
    return this.request("POST", path, JSON.stringify(body), options);
  }

  private async request(
    method: "GET" | "POST",
    path: string,
    body: string | undefined,
    { signal, attempts = defaultAttempts, mostBytes = 8 * MiB }: RequestOptions,
  ): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      throwIfAborted(signal);
      const outcome = await this.send({ method, path, body, signal, mostBytes });
      if ("json" in outcome) return outcome.json;
      throwIfAborted(signal);
      const wait = outcome.waitMs ?? firstWaitMs * 2 ** (attempt - 1);
      if (!outcome.mayPass || attempt >= attempts || wait > longestWaitMs) throw outcome.error;
      await pause(wait, signal);
    }
  }

  private async send(request: Sent): Promise<Outcome> {
    const { method, path, body, signal, mostBytes } = request;
    const ending = new AbortController();
    const abort = () => ending.abort();
    signal?.addEventListener("abort", abort);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      ending.abort();
    }, this.timeoutMs);
    try {
      const response = await fetch(`${this.address}${path}`, {
        method,
        headers: this.headers,
        signal: ending.signal,
        redirect: "error",
        ...(body !== undefined && { body }),
      });
      const text = await readText(response, mostBytes);
      return response.ok ? this.parse(path, text) : this.refuse(path, response, text);
    } catch (error) {
      if (error instanceof EngineError) return { error, mayPass: false };
      return { error: this.unreachable(path, isLate ? undefined : error), mayPass: !isLate };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** JSON that is cut off is a connection that broke. */
  private parse(path: string, text: string): Outcome {
    try {
      return { json: JSON.parse(text) };
    } catch {
      const error = new EngineError(
        "bad-answer",
        `${this.address}${path} must answer with JSON; it answered ${quote(this.withoutSecrets(text))}.`,
      );
      // A whole answer with the wrong words will be no better the next time; one that is cut off may.
      return { error, mayPass: !isComplete(text) };
    }
  }

  private refuse(path: string, { status, headers }: Response, text: string): Outcome {
    const advice =
      status === 401 || status === 403
        ? " Its key is taken from the environment variable AMULET_ENGINE_KEY."
        : "";
    const error = new RefusedRequest(
      status,
      `${this.address}${path} answered with status ${status}: ${quote(this.withoutSecrets(saidIn(text)))}.${advice}`,
    );
    return { error, mayPass: passing.has(status), waitMs: readRetryAfter(headers.get("retry-after")) };
  }

  /** Some servers repeat a key that they refuse. */
  private withoutSecrets(text: string): string {
    return this.secrets.reduce((safe, secret) => safe.replaceAll(secret, "…"), text);
  }

  private unreachable(path: string, cause: unknown): EngineError {
    const why = cause === undefined ? `gave no whole answer in ${this.timeoutMs / 1000} s` : describe(cause);
    return new EngineError(
      "unreachable",
      `${this.address}${path} ${why}. Is the server running, and the address right?`,
      { cause },
    );
  }
}

interface Sent {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly mostBytes: number;
}

type Outcome =
  | { readonly json: unknown }
  | { readonly error: EngineError; readonly mayPass: boolean; readonly waitMs?: number | undefined };

/** Whether a text could be all that was meant to come. */
const isComplete = (text: string) => !/^\s*[[{]/.test(text) || /[\]}]\s*$/.test(text);

/** @throws EngineError `bad-answer` for one that is longer than it can be */
async function readText(response: Response, mostBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > mostBytes) {
      throw new EngineError(
        "bad-answer",
        `${response.url} answered with more than ${Math.ceil(mostBytes / MiB)} MiB, more than was asked for.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Seconds, or a date. */
function readRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? 1000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** With a listener of its own: that of Node's timers does not keep a signal alive that a timer is to abort. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
  throwIfAborted(signal);
}

/** The sentence of an error in OpenAI's shape or another; all of it where there is none. */
function saidIn(text: string): string {
  try {
    const { error, message, detail } = JSON.parse(text);
    return String(error?.message ?? message ?? detail ?? text);
  } catch {
    return text;
  }
}

function describe(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  const code = cause?.code ?? "";
  if (code === "ECONNREFUSED") return "can't be reached: nothing listens there";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "can't be reached: there is no host of that name";
  return `broke the connection (${quote(code || cause?.message || message)})`;
}

function quote(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return short === "" ? "nothing" : JSON.stringify(short);
}
