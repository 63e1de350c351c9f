/** As many contexts of llama.cpp as a session's rows need: one tells 256 sequences apart. The first alone is the usual case. */
import { Context, type LoadedModel, mostSequences } from "./context.js";
import type { PlacedToken } from "./native/token-batch.js";

/** A row that is to be there twice; numbers count on from one context to the next. */
export interface RowCopy {
  readonly source: number;
  /** A number that is empty. */
  readonly target: number;
  readonly length: number;
}

/** What one context reads of a call, with its own numbers. */
export interface Share<Token> {
  readonly context: Context;
  readonly tokens: readonly Token[];
}

export class Contexts {
  private readonly contexts: Context[] = [];

  constructor(private readonly model: LoadedModel) {}

  /** Makes room for numbers 0 to `count`, without it. @throws EngineError `engine-failed` */
  async reserve(count: number): Promise<void> {
    for (let first = 0; first < count; first += mostSequences)
      await this.at(first).reserve(Math.min(mostSequences, count - first));
  }

  /** The tokens by the contexts that read them, in their order. */
  split<Token extends PlacedToken>(placed: readonly Token[]): Share<Token>[] {
    const shares = this.contexts.map((context, c) => ({
      context,
      tokens: placed
        .filter(({ sequence }) => contextOf(sequence) === c)
        .map((token) => ({ ...token, sequence: within(token.sequence) })),
    }));
    return shares.filter(({ tokens }) => tokens.length > 0);
  }

  /** Makes the targets, within a context second names of the sources' cells. @throws EngineError `engine-failed` */
  async copy(copies: readonly RowCopy[]): Promise<void> {
    const near = new Map<string, number>();
    for (const { source, target, length } of copies) {
      const key = `${source} in ${contextOf(target)}`;
      const twin = contextOf(source) === contextOf(target) ? source : near.get(key);
      if (twin !== undefined) this.at(target).share(within(twin), within(target));
      else if (length > 0) {
        await this.restore(target, await this.save(source), length);
        near.set(key, target);
      }
    }
  }

  /** Shortens a row to its first `length` tokens. @throws EngineError `engine-failed` */
  cut(sequence: number, length: number): void {
    this.at(sequence).cut(within(sequence), length);
  }

  /** What is cached of a row, for {@link restore} in any context of this model. @throws EngineError `engine-failed` */
  save(sequence: number): Promise<Uint8Array> {
    return this.at(sequence).save(within(sequence));
  }

  /** Fills a row, which is empty, with `length` tokens that were saved. @throws EngineError `engine-failed`; it is empty then */
  restore(sequence: number, bytes: Uint8Array, length: number): Promise<void> {
    return this.at(sequence).restore(within(sequence), bytes, length);
  }

  free(): void {
    for (const context of this.contexts.splice(0)) context.free();
  }

  private at(sequence: number): Context {
    const index = contextOf(sequence);
    while (this.contexts.length <= index) this.contexts.push(new Context(this.model));
    return this.contexts[index]!;
  }
}

/** Which context has a number. */
export function contextOf(sequence: number): number {
  return Math.floor(sequence / mostSequences);
}

function within(sequence: number): number {
  return sequence % mostSequences;
}
