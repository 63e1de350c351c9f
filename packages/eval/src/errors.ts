/** What went wrong, for programs; the message says it for people. */
export type EvaluationErrorCode =
  // what is asked
  | "bad-plan"
  | "bad-config"
  | "bad-questions"
  // folders of runs
  | "locked"
  | "no-room"
  | "incomplete"
  // cells
  | "other-run"
  | "bad-file"
  | "bad-score"
  // judges
  | "judge-failed"
  | "too-dear"
  // what is made of them
  | "bad-statistics";

/** The one error class of `eval`. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
  readonly code: EvaluationErrorCode;

  constructor(code: EvaluationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
