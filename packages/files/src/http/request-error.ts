/** A request that failed for good. */
import { FilesError } from "../errors.js";

/** Why an attempt failed, as a predicate: `broke the connection`; of a refusal, what the server said. */
export interface RequestFailure {
  readonly code: "unreachable" | "refused" | "bad-answer";
  readonly said: string;
  /** Of a refusal. */
  readonly status?: number;
  readonly cause?: unknown;
}

export class RequestError extends FilesError {
  declare readonly code: RequestFailure["code"];
  readonly said: string;
  readonly status: number | undefined;

  /** @param attempts how often it was tried */
  constructor(
    { code, said, status, cause }: RequestFailure,
    readonly address: string,
    readonly attempts: number,
  ) {
    const sentences = {
      unreachable: `${address} ${said}. Is the server running, and the address right?`,
      refused: `${address} answered with status ${status}: ${said}.`,
      "bad-answer": `${address} ${said}.`,
    };
    super(code, sentences[code], { cause });
    this.said = said;
    this.status = status;
  }
}
