/** What went wrong, for programs; the message says it for people. */
export type LabErrorCode =
  // scores
  | "unknown-question"
  | "unknown-preference"
  // training
  | "too-long"
  | "bad-checkpoint"
  | "run-exists"
  | "bad-folder"
  | "diverged"
  | "bad-settings"
  // the study
  | "bad-plan";

/** The one error class of `lab`. */
export class LabError extends Error {
  override readonly name = "LabError";
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
