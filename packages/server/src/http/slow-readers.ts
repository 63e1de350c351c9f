/** Readers that are slower than what is sent to them: they are waited for, up to a bound, and then cut off. */
import type { ServerResponse } from "node:http";

export class SlowReaders {
  /** Since when each response has had something to send that its reader did not take. */
  private readonly behind = new Map<ServerResponse, number | undefined>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly milliseconds: number) {
    this.timer = setInterval(() => this.look(), Math.ceil(milliseconds / 8));
    this.timer.unref();
  }

  /** @param onCut called before its connection is destroyed */
  watch(response: ServerResponse, onCut: () => void): void {
    if (response.destroyed) return;
    this.behind.set(response, undefined);
    this.cuts.set(response, onCut);
    response.once("close", () => {
      this.behind.delete(response);
      this.cuts.delete(response);
    });
  }

  dispose(): void {
    clearInterval(this.timer);
  }

  private readonly cuts = new Map<ServerResponse, () => void>();

  private look(): void {
    const now = performance.now();
    for (const [response, since] of this.behind) {
      // Without a socket it waits behind another answer of its connection, and not for its reader.
      if (response.socket === null || response.writableLength === 0) this.behind.set(response, undefined);
      else if (since === undefined) this.behind.set(response, now);
      else if (now - since >= this.milliseconds) this.cut(response);
    }
  }

  private cut(response: ServerResponse): void {
    this.cuts.get(response)?.();
    response.destroy();
  }
}
