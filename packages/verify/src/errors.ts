/** What went wrong, for programs; the message says it for people. */
export type VerifyErrorCode = "bad-input" | "bad-checkpoint" | "unsupported" | "law-broken" | "unknown-law";

/** The one error class of `verify`. */
export class VerifyError extends Error {
  override readonly name = "VerifyError";
  readonly code: VerifyErrorCode;

  constructor(code: VerifyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
