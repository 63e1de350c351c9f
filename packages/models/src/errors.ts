/** What went wrong, for programs; the message says it for people. */
export type ModelErrorCode =
  // files and formats
  | "file-not-found"
  | "file-unreadable"
  | "not-a-model"
  | "truncated-file"
  | "bad-header"
  | "unknown-tensor-type"
  // what a checkpoint holds
  | "unknown-architecture"
  | "missing-tensor"
  | "bad-tensor-shape"
  | "bad-config"
  | "bad-tokenizer"
  | "bad-template"
  // running it
  | "not-enough-memory"
  | "wrong-result"
  | "context-overflow"
  | "bad-token"
  // fetching it
  | "hub"
  | "offline";

/** The one error class of `models`. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
