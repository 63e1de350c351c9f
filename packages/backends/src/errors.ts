/** What went wrong, for programs; the message says it for people. */
export type BackendErrorCode = "unknown-backend" | "missing-backend" | "failed-start";

/** The one error class of `backends`. */
export class BackendError extends Error {
  override readonly name = "BackendError";
  readonly code: BackendErrorCode;

  constructor(code: BackendErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
