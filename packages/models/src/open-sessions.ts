/**
 * What the sessions of a model hold, whoever still has them. An answer that somebody left in its middle (a generator that was
 * asked for one piece and then forgotten) never disposes of its session: that goes with the model, or as soon as the garbage
 * collector has noticed.
 */
import { letGo } from "./layers/holding.js";
import type { RowCache } from "./layers/kv-cache.js";

/** The rows of one session. Knows nothing of the session, which may be collected before it. */
export class HeldRows {
  // A plain array: the caches outlive every tidy, since nothing here is made inside one that does not return it.
  caches: readonly RowCache[] = [];

  /** What the next ones do not hold goes. */
  replace(next: readonly RowCache[]): void {
    letGo(this.caches, next);
    this.caches = next;
  }
}

export class OpenSessions {
  private readonly held = new Set<HeldRows>();
  private readonly forgotten = new FinalizationRegistry<HeldRows>((rows) => {
    try {
      this.free(rows);
    } catch {
      // Its backend was removed, with all that it held; nobody is there whom an error could reach.
    }
  });
  private closedBecause: Error | undefined;

  /** Rows for a session, which have to be given back by `free`. */
  hold(session: object): HeldRows {
    const rows = new HeldRows();
    this.held.add(rows);
    this.forgotten.register(session, rows, rows);
    return rows;
  }

  free(rows: HeldRows): void {
    this.held.delete(rows);
    this.forgotten.unregister(rows);
    rows.replace([]);
  }

  /** Frees all of them; those that somebody still has say why they take no more tokens. */
  close(because: Error): void {
    this.closedBecause = because;
    for (const rows of this.held) this.free(rows);
  }

  /** @throws what `close` was given */
  refuseIfClosed(): void {
    if (this.closedBecause) throw this.closedBecause;
  }
}
