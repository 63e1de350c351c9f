/** Ends what waits for a server: when nothing has come for a while, or when an answer takes too long in all. */
export class Watch {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;

  /** @param complaint what the error says */
  constructor(milliseconds: number, complaint: string) {
    this.timer = setTimeout(() => this.controller.abort(new Error(complaint)), milliseconds);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  restart(): void {
    this.timer.refresh();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
