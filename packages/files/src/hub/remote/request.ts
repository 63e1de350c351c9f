import { FilesError } from "../../errors.js";
import { readRetryAfter } from "../../http/retry-after.js";
import type { HubSettings } from "../settings.js";
import { explainRefusal, type Subject } from "./refusal.js";
import { TransientFailure } from "./retry.js";

export interface RequestInitial {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends this request alone, as a stalled connection does. */
  readonly signal?: AbortSignal;
  /** Statuses beside 2xx that the caller understands. */
  readonly accept?: readonly number[];
}

const redirects = [301, 302, 303, 307, 308];
const transient = [408, 425, 429, 500, 502, 503, 504];
const mostRedirects = 10;

/**
 * One request to the hub, redirects followed, the token sent to the hub's own origin only.
 * @throws TransientFailure where another attempt may help, FilesError where it will not.
 */
export async function request(
  settings: HubSettings,
  url: string,
  subject: Subject,
  initial: RequestInitial = {},
): Promise<Response> {
  const response = await followRedirects(settings, new URL(url), initial);
  if (response.ok || initial.accept?.includes(response.status)) return response;
  const refusal = explainRefusal(response, subject, settings);
  await response.body?.cancel();
  if (!transient.includes(response.status)) throw refusal;
  throw new TransientFailure(refusal, readRetryAfter(response.headers.get("retry-after")));
}

async function followRedirects(settings: HubSettings, url: URL, initial: RequestInitial): Promise<Response> {
  let here = url;
  for (let hops = 0; hops <= mostRedirects; hops += 1) {
    const response = await send(settings, here, initial);
    const location = response.headers.get("location");
    if (!redirects.includes(response.status) || location === null) return response;
    const next = new URL(location, here);
    // A HEAD asks about the hub's own answer: what the content host says of the file is something else.
    if (initial.method === "HEAD" && next.origin !== here.origin) return describedBy(response);
    await response.body?.cancel();
    here = next;
  }
  throw new FilesError(
    "hub",
    `${url} leads through more than ${mostRedirects} redirects. Check HF_ENDPOINT.`,
  );
}

/** The redirect's headers describe the linked file, so they count as the answer. */
function describedBy(redirect: Response): Response {
  return new Response(null, { status: 200, headers: redirect.headers });
}

async function send(settings: HubSettings, url: URL, initial: RequestInitial): Promise<Response> {
  const signals = [settings.signal, initial.signal].filter((signal) => signal !== undefined);
  try {
    return await settings.fetch(url, {
      method: initial.method ?? "GET",
      headers: { ...headersFor(settings, url), ...initial.headers },
      redirect: "manual",
      signal: AbortSignal.any(signals),
    });
  } catch (error) {
    settings.signal?.throwIfAborted();
    if (error instanceof FilesError) throw error;
    throw new TransientFailure(unreachable(url, error));
  }
}

function headersFor({ endpoint, token }: HubSettings, url: URL): Record<string, string> {
  const own = url.origin === new URL(endpoint).origin;
  return {
    "user-agent": "amulet-ts",
    // Ranges and sizes count the file's own bytes, not compressed ones.
    "accept-encoding": "identity",
    ...(own && token && { authorization: `Bearer ${token}` }),
  };
}

/** The error for a host that did not answer, or stopped answering. */
export function unreachable(url: URL, error: unknown): FilesError {
  return new FilesError(
    "offline",
    `No connection to ${url.host} (${rootCause(error)}). Check the network, a proxy or HF_ENDPOINT; ` +
      "HF_HUB_OFFLINE=1 uses downloaded models without asking.",
    { cause: error },
  );
}

function rootCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return rootCause(error.cause);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
