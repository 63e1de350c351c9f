/** What went wrong, for programs; the message says it for people. */
export type EngineErrorCode =
  /** What a caller handed over is not what was expected. */
  "bad-request";

/** The one error class of `engines`. What lies below it throws its own: files, models, backends; core where it was aborted. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
