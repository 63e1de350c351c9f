/** What a server is at a moment: without its model, ready, or about to close; and who is being answered. */
import type { Answerer } from "./answering/answerer.js";
import { ServerError } from "./errors.js";

export class ServerState {
  private answerer: Answerer | undefined;
  private closing = false;
  /** Whether the time of those that were let in is over, too. */
  private over = false;
  /** Requests with which their connections are not done yet. */
  private entered = 0;
  private readonly active = new Set<AbortController>();
  private onIdle: (() => void) | undefined;
  /** How long an answer takes, as those of late did. */
  private answerMs = 1000;

  constructor(private readonly parallel: number) {}

  get isClosing(): boolean {
    return this.closing;
  }

  get opened(): Answerer | undefined {
    return this.answerer;
  }

  open(answerer: Answerer): void {
    this.answerer = answerer;
  }

  /** For who comes. @throws ServerError `closing`, `not-ready` */
  ready(): Answerer {
    if (this.closing) throw isBeingClosed();
    return this.stillReady();
  }

  /** For who was let in: closing waits for them as long as it may. @throws ServerError `closing`, `not-ready` */
  stillReady(): Answerer {
    if (this.over) throw isBeingClosed();
    if (this.answerer) return this.answerer;
    throw new ServerError("not-ready", "The model is being loaded: ask again in a moment.");
  }

  /** A request is there, whatever it is for. @returns called when its connection is done with it */
  enter(): () => void {
    this.entered++;
    return () => {
      this.entered--;
      if (this.entered === 0) this.onIdle?.();
    };
  }

  /** An answer begins. @returns called when it is over */
  begin(leaving: AbortController): () => void {
    const started = performance.now();
    this.active.add(leaving);
    return () => {
      this.active.delete(leaving);
      this.answerMs += (performance.now() - started - this.answerMs) / 8;
    };
  }

  /** In so many seconds a place may be free. */
  get retryAfterSeconds(): number {
    return Math.min(60, Math.max(1, Math.ceil(this.answerMs / 1000 / this.parallel)));
  }

  /** Refuses who comes from now on. Who was let in has so long; then it is over for all. */
  async close(graceMs: number): Promise<void> {
    this.closing = true;
    await this.untilIdle(graceMs);
    this.over = true;
    for (const leaving of this.active) leaving.abort();
  }

  /** Until no request is left, or so long. */
  async untilIdle(milliseconds: number): Promise<void> {
    if (this.entered === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function isBeingClosed(): ServerError {
  return new ServerError("closing", "The server is being closed: ask another one, or later.");
}
