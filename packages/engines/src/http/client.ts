/** Requests to a server that infers, with errors of this package. */
import { throwIfAborted } from "@amulet-ts/core";
import { JsonClient, type JsonRequestOptions, RequestError } from "@amulet-ts/files";
import { EngineError } from "../errors.js";

export interface ClientOptions {
  /** `http://HOST:PORT`, with or without `/v1`; a path before that is kept. */
  readonly address: string;
  /** Sent as a bearer token, and nowhere shown. */
  readonly key?: string | undefined;
  /** Milliseconds until an answer must be here, whole. */
  readonly timeoutMs?: number | undefined;
}

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
  private readonly client: JsonClient;

  constructor(options: ClientOptions) {
    const root = new URL(options.address);
    root.pathname = root.pathname.replace(/\/v1\/*$/, "");
    this.client = new JsonClient({ ...options, address: root.href });
  }

  /** The address as it may be shown: without user, password and query. */
  get address(): string {
    return this.client.address;
  }

  /** @returns the JSON of the answer. @throws EngineError `unreachable`, `refused`, `bad-answer`; CoreError `aborted` */
  get(path: string, options: JsonRequestOptions = {}): Promise<unknown> {
    return inOurTerms(this.client.get(path, options), options.signal);
  }

  post(path: string, body: object, options: JsonRequestOptions = {}): Promise<unknown> {
    return inOurTerms(this.client.post(path, body, options), options.signal);
  }
}

async function inOurTerms<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throwIfAborted(signal);
    if (!(error instanceof RequestError)) throw error;
    const { code, status, message, cause } = error;
    if (status === undefined) throw new EngineError(code, message, { cause });
    throw new RefusedRequest(status, `${message}${status === 401 || status === 403 ? keyAdvice : ""}`);
  }
}

const keyAdvice = " Its key is taken from the environment variable AMULET_ENGINE_KEY.";
