/** What went wrong, for programs; the message says it for people. */
export type EngineErrorCode =
  /** What a caller handed over is not what was expected. */
  | "bad-request"
  /** What would compute is not installed, or in another version; the message has the command that gets it. */
  | "missing-engine"
  /** The engine can't run this model. */
  | "unsupported-model"
  /** The engine found no memory, holds no more, or says that it failed. */
  | "engine-failed"
  /** A server that is not there, does not answer in time, or breaks its connections. */
  | "unreachable"
  /** A server that says no, or whose model is not the tokenizer's. */
  | "refused"
  /** A server that answers with what its protocol does not allow. */
  | "bad-answer"
  /** A server whose protocol tells too little. */
  | "unsupported-server"
  /** The engine has been disposed of. */
  | "disposed";

/** The one error class of `engines`. What lies below it throws its own: files, models, backends; core where it was aborted. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Of a session's `include`. */
export function notOfThisModel(): EngineError {
  return new EngineError(
    "bad-request",
    "A session includes the rows of another session of the same model; what came is none.",
  );
}
