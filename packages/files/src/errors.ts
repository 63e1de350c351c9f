/** What went wrong, for programs; the message says it for people. */
export type FilesErrorCode =
  // what a caller handed over
  | "bad-request"
  // files and formats
  | "file-not-found"
  | "file-unreadable"
  | "file-unwritable"
  | "not-a-model"
  | "truncated-file"
  | "bad-header"
  | "unknown-tensor-type"
  // what a checkpoint holds
  | "missing-tensor"
  | "bad-tensor-shape"
  | "bad-weights"
  | "bad-config"
  | "bad-tokenizer"
  | "bad-template"
  | "bad-token"
  // reading and fetching it
  | "not-enough-memory"
  | "hub"
  | "offline"
  // a server that is asked for JSON
  | "unreachable"
  | "refused"
  | "bad-answer";

/** The one error class of `files`. */
export class FilesError extends Error {
  override readonly name = "FilesError";
  readonly code: FilesErrorCode;

  constructor(code: FilesErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
