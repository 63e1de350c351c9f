/** What went wrong, for programs; the message says it for people. */
export type CliErrorCode =
  | "usage"
  | "unreadable-input"
  | "not-cached"
  | "broken-law"
  | "not-judged"
  | "not-listening";

/** The one error class of `cli`. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The command was called the wrong way: exit status 2. */
export function usageError(message: string, options?: ErrorOptions): CliError {
  return new CliError("usage", message, options);
}
