/** What went wrong, for programs; the message says it for people. */
export type ModelErrorCode =
  | "unknown-architecture"
  | "bad-tokenizer"
  | "missing-tensor"
  | "bad-tensor-shape"
  | "not-enough-memory"
  | "wrong-result"
  | "context-overflow"
  | "bad-token"
  | "bad-request";

/** The one error class of `models`; what is wrong with a model's files is a `FilesError`. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
