/** What went wrong, for programs; the message says it for people. */
export type KernelsErrorCode =
  /** The memory of the kernels is full. */
  | "out-of-memory"
  /** A weight does not have the form that its type and shape say. */
  | "bad-weight"
  /** The device has no f16. */
  | "no-f16";

/** The one error class of `kernels`. */
export class KernelsError extends Error {
  override readonly name = "KernelsError";
  readonly code: KernelsErrorCode;

  constructor(code: KernelsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
