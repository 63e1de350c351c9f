/** What went wrong, for programs; the message says it for people. */
export type VerifyErrorCode =
  | "bad-input"
  | "bad-checkpoint"
  | "unsupported"
  | "law-broken"
  | "unknown-law"
  /** A subject that could not go on, such as one that never answers: smaller cases are not looked for. */
  | "subject-ended"
  /** A signal said so. */
  | "aborted";

/** The one error class of `verify`. */
export class VerifyError extends Error {
  override readonly name = "VerifyError";
  readonly code: VerifyErrorCode;

  constructor(code: VerifyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
