/** What went wrong, for programs; the message says it for people. */
export type BackendErrorCode =
  /** An option is not what was expected. */
  | "bad-request"
  | "unknown-backend"
  /** Something that it needs is not installed. */
  | "missing-backend"
  | "failed-start"
  /** Products were to be in numbers that this backend, or its device, does not multiply. */
  | "unsupported-precision"
  /** A computation failed on the device after it was started. */
  | "device-error"
  /** The backend's memory is full. */
  | "out-of-memory"
  /** A tensor was read in a way that the backend does not have. */
  | "synchronous-read"
  /** Setting up libtensorflow did not succeed. */
  | "failed-setup";

/** The one error class of `backends`. */
export class BackendError extends Error {
  override readonly name = "BackendError";
  readonly code: BackendErrorCode;

  constructor(code: BackendErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
