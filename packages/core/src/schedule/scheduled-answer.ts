/** An answer that waits or runs in a scheduler: its events as they come. */

import type { AnswerInProgress } from "../decode/answer-in-progress.js";
import type { DecodeEvent, DecodeRequest } from "../decode/request.js";
import { CoreError } from "../errors.js";
import { callback, checkFields, signal as givenSignal, optional } from "../port/given.js";

export interface ScheduledAnswerOptions {
  /** Sends the answer away; iterating it then ends in an error. */
  readonly signal?: AbortSignal;
  /** Told how many answers are to begin before this one can, itself included; 0, that it begins. */
  readonly onPlace?: (place: number) => void;
}

/** What has come waits for whoever iterates, who may do so once. Nobody else waits for that: an answer is a few tokens. */
export class ScheduledAnswer implements AsyncIterableIterator<DecodeEvent, void> {
  /** Whether its first token is there. */
  hasBegun = false;
  private place: number | undefined;
  private readonly events: DecodeEvent[] = [];
  private failure: { readonly error: unknown } | undefined;
  private over = false;
  /** Those who wait for an event, in the order in which they came. */
  private readonly readers: (() => void)[] = [];
  private readonly unheard: () => void;

  /** @param onLeave called when it leaves before its end */
  constructor(
    readonly request: DecodeRequest,
    readonly size: AnswerInProgress["size"],
    private readonly options: ScheduledAnswerOptions,
    private readonly onLeave: () => void,
  ) {
    checkFields(
      options,
      { signal: optional(givenSignal), onPlace: optional(callback) },
      "the options of an answer",
    );
    const { signal } = options;
    const abort = () => {
      this.fail(new CoreError("aborted", "The answer was interrupted.", { cause: signal?.reason }));
      onLeave();
    };
    this.unheard = () => signal?.removeEventListener("abort", abort);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  }

  /** Whether nothing more is computed for it. */
  get isOver(): boolean {
    return this.over;
  }

  tellPlace(place: number): void {
    if (place === this.place) return;
    this.place = place;
    try {
      this.options.onPlace?.(place);
    } catch (error) {
      this.fail(error);
      this.onLeave();
    }
  }

  take(event: DecodeEvent): void {
    if (this.over) return;
    this.hasBegun = true;
    this.events.push(event);
    if (event.type === "end") this.close();
    this.wakeReaders();
  }

  fail(error: unknown): void {
    if (this.over) return;
    this.failure = { error };
    this.close();
    this.wakeReaders();
  }

  async next(): Promise<IteratorResult<DecodeEvent, void>> {
    while (this.events.length === 0 && !this.over) {
      await new Promise<void>((resolve) => {
        this.readers.push(resolve);
      });
    }
    const event = this.events.shift();
    if (event) return { done: false, value: event };
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure.error;
    return { done: true, value: undefined };
  }

  /** Leaves: its rows are free with the next pass. */
  async return(): Promise<IteratorResult<DecodeEvent, void>> {
    this.events.length = 0;
    this.failure = undefined;
    if (!this.over) {
      this.close();
      this.wakeReaders();
      this.onLeave();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private close(): void {
    this.over = true;
    this.unheard();
  }

  private wakeReaders(): void {
    for (const wake of this.readers.splice(0)) wake();
  }
}
