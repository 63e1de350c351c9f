/** What a server is started with, and the check of it. */
import type { Engine } from "@amulet-ts/core";
import * as v from "valibot";
import { ServerError } from "./errors.js";
import { faultOfOrigin } from "./http/origins.js";
import { whole, words } from "./protocol/fields.js";
import type { RequestRecord } from "./watch/request-record.js";

/** A file of a page, as it is sent. */
export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ServerOptions {
  /**
   * The model, or what opens it, which is called as soon as the server listens: until then `/health` says that it is not
   * ready. Whoever opened it disposes of it.
   */
  readonly engine: Engine | (() => Promise<Engine>);
  /** What the model is called here; its own name by default. */
  readonly name?: string | undefined;
  /** 127.0.0.1 by default, so that nobody else's machine reaches it. */
  readonly host?: string | undefined;
  /** 8080 by default; 0 takes one that is free. */
  readonly port?: number | undefined;
  /** What clients must send as a bearer token; without it, everybody who reaches the server is answered. */
  readonly apiKey?: string | undefined;
  /** Pages of these origins may read answers; `*` is all of them. Without it, pages that come from elsewhere can read none. */
  readonly cors?: string | readonly string[] | undefined;
  /** Preferences by name; each is a model of its own, `NAME:profile`. */
  readonly profiles?: Readonly<Record<string, string>> | undefined;
  /** Answers that grow side by side, 8 by default. */
  readonly parallel?: number | undefined;
  /** Answers that may wait beyond those, 64 by default. */
  readonly queue?: number | undefined;
  /** Tokens that running answers may hold at their ends, 16,384 by default. */
  readonly heldTokens?: number | undefined;
  /** Tokens that are kept for prompts which begin alike, 4,096 by default. */
  readonly prefixTokens?: number | undefined;
  /** Tokens of an answer that does not say how many it may have, 1,024 by default. */
  readonly maxNewTokens?: number | undefined;
  /** Bytes of a request, 4 MiB by default. */
  readonly bodyBytes?: number | undefined;
  /** How long a request may take to arrive, 30 seconds by default. */
  readonly bodyMs?: number | undefined;
  /** A stream in which nothing comes says every so often that it is alive, 10 seconds by default. */
  readonly heartbeatMs?: number | undefined;
  /** How long a reader may be behind before it is cut off, 60 seconds by default. */
  readonly slowReaderMs?: number | undefined;
  /** A page for people, `/` and its files; it needs no key. Undefined where there is no file of that path. */
  readonly page?: ((pathname: string) => Promise<PageFile | undefined>) | undefined;
  /** Told of each request when it is over. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
}

const texts = v.record(
  v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/, "a profile's name has letters, digits, dots and dashes")),
  words,
);
const milliseconds = whole(1, 2 ** 31 - 1);
const aFunction = v.custom<(record: RequestRecord) => void>(
  (value) => typeof value === "function",
  "a function",
);

const aPage = v.custom<NonNullable<ServerOptions["page"]>>(
  (value) => typeof value === "function",
  "a function",
);

const anOrigin = v.pipe(
  v.string(),
  v.check(
    (named) => faultOfOrigin(named) === undefined,
    ({ input }) => `it ${faultOfOrigin(input)}`,
  ),
);

const optionsSchema = v.strictObject({
  engine: v.custom<ServerOptions["engine"]>(
    (value) => typeof value === "function" || (typeof value === "object" && value !== null),
    "an engine, or a function that opens one",
  ),
  name: v.optional(words),
  host: v.optional(words, "127.0.0.1"),
  port: v.optional(whole(0, 65_535), 8080),
  apiKey: v.optional(words),
  cors: v.optional(v.union([anOrigin, v.array(anOrigin)])),
  profiles: v.optional(texts, {}),
  parallel: v.optional(whole(1), 8),
  queue: v.optional(whole(0), 64),
  heldTokens: v.optional(whole(1)),
  prefixTokens: v.optional(whole(0)),
  maxNewTokens: v.optional(whole(1), 1024),
  bodyBytes: v.optional(whole(1), 4 * 2 ** 20),
  bodyMs: v.optional(milliseconds, 30_000),
  heartbeatMs: v.optional(milliseconds, 10_000),
  slowReaderMs: v.optional(milliseconds, 60_000),
  page: v.optional(aPage),
  onRequest: v.optional(aFunction),
});
export type CheckedOptions = v.InferOutput<typeof optionsSchema>;

/** @throws ServerError `bad-request`, naming the option */
export function checkOptions(options: ServerOptions): CheckedOptions {
  const { success, output, issues } = v.safeParse(optionsSchema, options);
  if (success) return output;
  const [issue] = issues;
  const name = v.getDotPath(issue);
  throw new ServerError("bad-request", `The option ${name ?? "of the server"} is wrong: ${issue.message}.`);
}
