/** What went wrong, for programs; the message says it for people. */
export type ServerErrorCode =
  /** A request that is not what was expected; or options of whoever starts the server. */
  | "bad-request"
  /** A request for what is not done here. */
  | "unsupported"
  | "context-overflow"
  | "bad-key"
  /** Asked under a name that is not this machine's. */
  | "foreign-host"
  | "no-such-model"
  | "not-found"
  | "too-slow"
  | "too-large"
  /** A body that is packed. */
  | "encoded-body"
  | "queue-full"
  /** The model is not there yet. */
  | "not-ready"
  /** The server is being closed. */
  | "closing"
  /** The model could not go on. */
  | "failed"
  /** The address can't be listened at. */
  | "not-listening";

interface Details {
  /** The field that is wrong. */
  readonly param?: string | undefined;
  readonly cause?: unknown;
}

/** The one error class of `server`. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly code: ServerErrorCode;
  readonly param: string | undefined;

  constructor(code: ServerErrorCode, message: string, { param, cause }: Details = {}) {
    super(message, { cause });
    this.code = code;
    this.param = param;
  }
}
