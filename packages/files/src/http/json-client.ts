/** Requests to a server: JSON both ways, with a limit of time and size, tried again where that may help. */
import { FilesError } from "../errors.js";
import { bodyChunks } from "./body-chunks.js";
import { RequestError, type RequestFailure } from "./request-error.js";
import { readRetryAfter } from "./retry-after.js";

export interface JsonClientOptions {
  /** `http://[USER:PASSWORD@]HOST:PORT`, and a path before those of the requests. A key goes before a password. */
  readonly address: string;
  /** Sent as a bearer token, and nowhere shown. */
  readonly key?: string | undefined;
  /** Milliseconds until an answer must be here, whole; 120,000 by default. */
  readonly timeoutMs?: number | undefined;
  /** Whether a request that took longer than that is sent again. */
  readonly retriesLate?: boolean;
  /** Milliseconds before the second attempt, doubled before each further one; 500 by default. */
  readonly firstWaitMs?: number | undefined;
  /** Longer than this, 60,000 by default, a server's Retry-After is not obeyed: the request fails, and says so. */
  readonly longestWaitMs?: number;
}

export interface JsonRequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** How often a request is sent at most; 6 by default, which wait 15.5 s in all where a server names no time. */
  readonly attempts?: number | undefined;
  /** Bytes that an answer may have. */
  readonly mostBytes?: number;
  /** Whether an answer is of the kind that was asked for; one that is not is asked for again. */
  readonly accepts?: (answer: unknown) => boolean;
}

const MiB = 2 ** 20;

/** Whether another try may do better: too many requests, not ready, a broken link on the way. */
function mayPass(status: number): boolean {
  return [408, 409, 425, 429].includes(status) || (status >= 500 && status !== 501 && status !== 505);
}

export class JsonClient {
  /** The address as it may be shown: without user, password and query. */
  readonly address: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly secrets: readonly string[];
  private readonly options: Required<{ [K in WaitName]: Exclude<JsonClientOptions[K], undefined> }>;

  /** @throws FilesError `bad-request` for a user or password that can't be read */
  constructor(options: JsonClientOptions) {
    const { address, key } = options;
    const { timeoutMs = 120_000, retriesLate = false, firstWaitMs = 500, longestWaitMs = 60_000 } = options;
    const url = new URL(address);
    this.address = `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
    const login = readLogin(url);
    const authorization = key ? `Bearer ${key}` : login?.authorization;
    this.secrets = [key, url.password, login?.password, authorization].filter(
      (secret) => secret !== undefined && secret !== "",
    ) as string[];
    this.headers = {
      accept: "application/json",
      "content-type": "application/json",
      ...(authorization && { authorization }),
    };
    this.options = { timeoutMs, retriesLate, firstWaitMs, longestWaitMs };
  }

  /** @returns the JSON of the answer. @throws RequestError; the signal's reason */
  get(path: string, options: JsonRequestOptions = {}): Promise<unknown> {
    return this.request("GET", path, undefined, options);
  }

  post(path: string, body: object, options: JsonRequestOptions = {}): Promise<unknown> {
    return this.request("POST", path, JSON.stringify(body), options);
  }

  private async request(
    method: "GET" | "POST",
    path: string,
    body: string | undefined,
    { signal, attempts = 6, mostBytes = 8 * MiB, accepts = () => true }: JsonRequestOptions,
  ): Promise<unknown> {
    const { firstWaitMs, longestWaitMs } = this.options;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const outcome = await this.send({ method, path, body, signal, mostBytes, accepts });
      if ("json" in outcome) return outcome.json;
      signal?.throwIfAborted();
      const { why, mayPass, waitMs = firstWaitMs * 2 ** (attempt - 1) } = outcome;
      if (!mayPass || attempt >= attempts || waitMs > longestWaitMs)
        throw new RequestError(why, `${this.address}${path}`, attempt);
      await pause(waitMs, signal);
    }
  }

  private async send(request: Sent): Promise<Outcome> {
    const { method, path, body, signal, mostBytes } = request;
    const { timeoutMs, retriesLate } = this.options;
    const ending = new AbortController();
    const abort = () => ending.abort();
    signal?.addEventListener("abort", abort);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      ending.abort();
    }, timeoutMs);
    try {
      const response = await fetch(`${this.address}${path}`, {
        method,
        headers: this.headers,
        signal: ending.signal,
        redirect: "error",
        ...(body !== undefined && { body }),
      });
      const text = await readText(response, mostBytes, ending.signal);
      if (text === undefined) return tooLong(mostBytes);
      return response.ok ? this.parse(text, request) : this.refuse(response, text);
    } catch (cause) {
      if (!isLate) return { why: { code: "unreachable", said: describe(cause), cause }, mayPass: true };
      const said = `gave no whole answer in ${timeoutMs / 1000} s`;
      return { why: { code: "unreachable", said }, mayPass: retriesLate };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** JSON that is cut off is a connection that broke. */
  private parse(text: string, { accepts }: Sent): Outcome {
    const said = `must answer with JSON; it answered ${quote(this.withoutSecrets(text))}`;
    try {
      const json: unknown = JSON.parse(text);
      if (accepts(json)) return { json };
      return { why: { code: "bad-answer", said: said.replace("JSON", "what was asked for") }, mayPass: true };
    } catch {
      // A whole answer with the wrong words will be no better the next time; one that is cut off may.
      return { why: { code: "bad-answer", said }, mayPass: !isComplete(text) };
    }
  }

  private refuse({ status, headers }: Response, text: string): Outcome {
    const said = quote(this.withoutSecrets(saidIn(text)));
    const why = { code: "refused", status, said } as const;
    return { why, mayPass: mayPass(status), waitMs: readRetryAfter(headers.get("retry-after")) };
  }

  /** Some servers repeat a key that they refuse. */
  private withoutSecrets(text: string): string {
    return this.secrets.reduce((safe, secret) => safe.replaceAll(secret, "…"), text);
  }
}

/** User and password of an address, as RFC 7617 sends them in UTF-8. @throws FilesError `bad-request` */
function readLogin({ host, username, password }: URL) {
  if (username === "" && password === "") return undefined;
  try {
    const [user, plain] = [decodeURIComponent(username), decodeURIComponent(password)];
    const encoded = Buffer.from(`${user}:${plain}`, "utf8").toString("base64");
    return { authorization: `Basic ${encoded}`, password: plain };
  } catch (cause) {
    throw new FilesError(
      "bad-request",
      `The user and password before @${host} must be percent-encoded UTF-8, and have a % that starts no such character: ` +
        "write %25 for a % itself.",
      { cause },
    );
  }
}

type WaitName = "timeoutMs" | "retriesLate" | "firstWaitMs" | "longestWaitMs";

interface Sent {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly mostBytes: number;
  readonly accepts: (answer: unknown) => boolean;
}

type Outcome =
  | { readonly json: unknown }
  | { readonly why: RequestFailure; readonly mayPass: boolean; readonly waitMs?: number | undefined };

/** Whether a text could be all that was meant to come. */
const isComplete = (text: string) => !/^\s*[[{]/.test(text) || /[\]}]\s*$/.test(text);

function tooLong(mostBytes: number): Outcome {
  const said = `answered with more than ${Math.ceil(mostBytes / MiB)} MiB, more than was asked for`;
  return { why: { code: "bad-answer", said }, mayPass: false };
}

/** Undefined for one that is longer than it can be. */
async function readText(
  response: Response,
  mostBytes: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of bodyChunks(response, [signal])) {
    bytes += chunk.length;
    if (bytes > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
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
  signal?.throwIfAborted();
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
