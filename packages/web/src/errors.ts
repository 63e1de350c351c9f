/** What went wrong, for programs; the message says it for people. */
export type WebErrorCode =
  /** What a caller handed over is not what was expected. */
  | "bad-request"
  /** The worker did not start, broke or fell silent. */
  | "worker-failed"
  /** The engine was disposed of. */
  | "closed";

/**
 * The one error class of `web`. What goes wrong in the worker comes as what it is there: CoreError, FilesError,
 * ModelError or BackendError, with its code.
 */
export class WebError extends Error {
  override readonly name = "WebError";
  readonly code: WebErrorCode;

  constructor(code: WebErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
