/** Rows that nobody reads any more, kept for prompts that begin as they do. */
import type { Session, TokenRow } from "./session.js";

/** One row in a session of its own. */
export interface KeptPrefix {
  readonly tokens: TokenRow;
  readonly session: Session;
}

/** Shorter ones are read again sooner than they are looked up and forked. */
const fewestTokens = 16;

/** At most so many tokens of rows; those that were used least recently go first. Without `fork` it stays empty. */
export class PrefixCache {
  /** Least recently used first. */
  private kept: KeptPrefix[] = [];

  /** @param mostTokens 0 keeps nothing */
  constructor(private readonly mostTokens: number) {}

  /** How many tokens are kept. */
  get tokenCount(): number {
    return this.kept.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }

  /** The row that shares the longest beginning, and how much: never all, as logits come from a token that is read. */
  closest(tokens: TokenRow): { readonly prefix: KeptPrefix; readonly shared: number } | undefined {
    let found: { readonly prefix: KeptPrefix; readonly shared: number } | undefined;
    for (const prefix of this.kept) {
      const shared = Math.min(commonLength(prefix.tokens, tokens), tokens.length - 1);
      if (shared >= fewestTokens && shared > (found?.shared ?? 0)) found = { prefix, shared };
    }
    if (found) this.touch(found.prefix);
    return found;
  }

  /** Keeps row `place` of the session, which holds these tokens. What it makes superfluous goes. */
  async keep(session: Session, place: number, tokens: TokenRow): Promise<void> {
    if (!session.fork || tokens.length < fewestTokens || tokens.length > this.mostTokens) return;
    const longer = this.kept.find((kept) => commonLength(kept.tokens, tokens) === tokens.length);
    if (longer) return this.touch(longer);
    this.kept.push({ tokens, session: await session.fork([place]) });
    for (const kept of [...this.kept]) {
      const isCovered =
        kept.tokens.length < tokens.length && commonLength(kept.tokens, tokens) === kept.tokens.length;
      if (isCovered) await this.drop(kept);
    }
    while (this.tokenCount > this.mostTokens) await this.drop(this.kept[0]!);
  }

  async clear(): Promise<void> {
    while (this.kept.length > 0) await this.drop(this.kept[0]!);
  }

  private touch(prefix: KeptPrefix): void {
    this.kept = [...this.kept.filter((kept) => kept !== prefix), prefix];
  }

  private async drop(prefix: KeptPrefix): Promise<void> {
    this.kept = this.kept.filter((kept) => kept !== prefix);
    await prefix.session.dispose();
  }
}

export function commonLength(a: TokenRow, b: TokenRow): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return length;
}
