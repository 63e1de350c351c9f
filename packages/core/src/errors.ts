/** What went wrong, for programs; the message says it for people. */
export type CoreErrorCode =
  | "bad-strength"
  | "bad-request"
  | "bad-sampling"
  | "context-overflow"
  | "not-finite"
  | "not-covered"
  | "shape-mismatch"
  | "no-backend"
  | "queue-full"
  | "aborted";

/** The one error class of `core`. */
export class CoreError extends Error {
  override readonly name = "CoreError";
  readonly code: CoreErrorCode;

  constructor(code: CoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** @param what the policy that is garbage: "The policy of amulet" */
export function notFinite(what: string): CoreError {
  return new CoreError(
    "not-finite",
    `${what} holds NaN or no possible token. The model's logits are not numbers: its weights may be damaged, or memory ` +
      "ran out.",
  );
}
