/** What went wrong, for programs; the message says it for people. */
export type LabErrorCode =
  // scores
  | "unknown-question"
  // training
  | "too-long"
  | "bad-checkpoint"
  | "run-exists"
  | "bad-folder"
  | "diverged"
  | "bad-settings"
  // studies
  | "bad-statistics"
  | "bad-plan"
  | "other-run"
  | "bad-file";

/** The one error class of `lab`. */
export class LabError extends Error {
  override readonly name = "LabError";
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
