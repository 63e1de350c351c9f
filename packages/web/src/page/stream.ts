/** Pieces of a call as they come, for `for await`. */
import { WebError } from "../errors.js";
import type { AnswerChange, OperationName, Operations } from "../protocol/messages.js";
import type { CallOptions, Wire } from "./wire.js";

/**
 * Begins with the first look at it. Leaving the loop ends the work in the worker. What comes while nobody looks is kept.
 */
export class PieceStream<Name extends OperationName>
  implements AsyncIterableIterator<Operations[Name]["piece"]>
{
  private readonly kept: Operations[Name]["piece"][] = [];
  private waiting: (() => void)[] = [];
  private failure: Error | undefined;
  private isOver = false;
  private call: number | undefined;

  constructor(
    private readonly wire: Wire,
    private readonly name: Name,
    private readonly order: Operations[Name]["order"],
    private readonly options: CallOptions,
  ) {}

  async next(): Promise<IteratorResult<Operations[Name]["piece"], undefined>> {
    this.begin();
    while (this.kept.length === 0 && !this.isOver) {
      await new Promise<void>((wake) => {
        this.waiting.push(wake);
      });
    }
    if (this.kept.length > 0) return { done: false, value: this.kept.shift()! };
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Operations[Name]["piece"], undefined>> {
    this.kept.length = 0;
    if (this.call === undefined) this.isOver = true;
    else this.wire.leave(this.call, new WebError("closed", "The answer was left."));
    this.failure = undefined;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  protected tellChange(change: AnswerChange, index?: number): void {
    this.begin();
    if (this.call !== undefined) this.wire.change(this.call, change, index);
  }

  private begin(): void {
    if (this.call !== undefined || this.isOver) return;
    const { signal, onProgress } = this.options;
    this.call = this.wire.begin(this.name, this.order, signal, {
      ...(onProgress && { onProgress }),
      onPiece: (piece) => {
        this.kept.push(piece as Operations[Name]["piece"]);
        this.wake();
      },
      onEnd: () => this.end(),
      onError: (error) => this.end(error),
    });
  }

  private end(error?: Error): void {
    this.isOver = true;
    this.failure = error;
    this.wake();
  }

  private wake(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }
}

/** An answer, or several side by side, that can be changed while it grows. */
export class AnswerStream extends PieceStream<"generate"> {
  /**
   * From one of the next tokens on: another method, other preferences.
   *
   * @param index which of several answers; all of them where it is absent
   */
  change(change: AnswerChange, index?: number): void {
    this.tellChange(change, index);
  }
}
