/**
 * Token rows that any number of answers share. Rows with the same tokens are one row of the session, read once for all
 * of them; where answers part, it is forked. Rows come and go between two passes.
 */
import type { NeededTokens } from "../methods/method.js";
import { disposeNext } from "./log-probabilities.js";
import { commonLength, type KeptPrefix, type PrefixCache } from "./prefix-cache.js";
import { countPasses, nextPiece, type PrefillOptions } from "./reading.js";
import type { LanguageModel, Next, Session, TokenRow } from "./session.js";

/** A row as its readers hold it. */
export interface SharedRow {
  /** Its place among the rows of the last pass; −1 before its first. */
  readonly place: number;
  /** Whether the last pass has read it to its end. */
  readonly isRead: boolean;
}

/** The rows of one answer, and what it needs of them. */
interface SharedAnswer {
  readonly rows: readonly SharedRow[];
  readonly needs: NeededTokens;
}

/** R rows: a pass reads some or all of what is left of each. */
export class SharedRows {
  private session: Session | undefined;
  /** The rows of the last pass, in their places. */
  private held: readonly Row[] = [];
  private readonly begun = new Map<string, Row>();
  private done = 0;
  private total = 0;

  /** @param prefixes where rows go that nobody reads any more, and new ones may come from */
  constructor(
    private readonly model: LanguageModel,
    private readonly prefixes?: PrefixCache,
  ) {}

  /**
   * Rows for these tokens. Each goes on from the row, of the last pass or kept, with which it shares the longest beginning;
   * rows that begin in the same pass share nothing but all of their tokens.
   *
   * @param inOnePass whether the next pass must read them to their ends
   */
  begin(rows: readonly TokenRow[], inOnePass = false): SharedRow[] {
    return rows.map((tokens) => this.beginRow(tokens, inOnePass));
  }

  /** How many of these tokens are there already, so that a row for them need not read them. */
  countHeld(tokens: TokenRow): number {
    return this.closest(tokens).shared;
  }

  /** The row with one more token: the same one for everybody who asks for it. */
  extend(row: SharedRow, token: number): SharedRow {
    return (row as Row).extend(token);
  }

  /**
   * One forward pass over these rows, each once. Rows that it does not name are dropped.
   *
   * @param weighed which of them belong to one answer
   * @returns what may follow the rows, in their places; the caller owns it
   */
  async read(
    wanted: readonly SharedRow[],
    { signal, onProgress }: PrefillOptions = {},
    weighed?: readonly SharedAnswer[],
  ): Promise<Next> {
    const rows = [...new Set(wanted as readonly Row[])];
    this.total += planPasses(rows.filter((row) => row.isNew));
    const session = await this.arrange(rows);
    const pieces = rows.map((row) => row.nextPiece());
    const placed = weighed?.map(({ rows: own, needs }) => ({
      rows: own.map((row) => rows.indexOf(row as Row)),
      needs,
    }));
    const next = await this.append(session, pieces, signal, placed);
    for (const row of this.held) row.forget();
    this.held = rows;
    this.begun.clear();
    const read = rows.map((row, place) => row.takePiece(place, pieces[place]!.length));
    this.done += read.reduce((sum, count) => sum + count, 0);
    try {
      if (read.some((count) => count > 0)) onProgress?.({ done: this.done, total: this.total });
    } catch (error) {
      disposeNext(next);
      throw error;
    }
    return next;
  }

  /** Keeps the rows of the last pass for later, as far as there is room, and frees the session. */
  async rest(): Promise<void> {
    if (this.session) await this.keepDropped(this.session, []);
    await this.dispose();
  }

  async dispose(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    this.held = [];
    await session?.dispose();
  }

  private beginRow(tokens: TokenRow, inOnePass: boolean): Row {
    const key = `${inOnePass} ${tokens.join()}`;
    const row = this.begun.get(key) ?? Row.after(this.closest(tokens), tokens, inOnePass);
    this.begun.set(key, row);
    return row;
  }

  private closest(tokens: TokenRow): Closest {
    const held = closestTo(tokens, this.held);
    const kept = this.prefixes?.closest(tokens);
    return kept && kept.shared > held.shared ? { ...kept, row: undefined } : held;
  }

  /** What is kept may not cost what runs: where a pass fails beside it, as it found no memory, it is tried without it. */
  private async append(session: Session, ...pass: Parameters<Session["append"]>): Promise<Next> {
    try {
      return await session.append(...pass);
    } catch (error) {
      if (pass[1]?.aborted || !this.prefixes?.tokenCount) throw error;
      await this.prefixes.clear();
      return session.append(...pass);
    }
  }

  /** Gives every row of the session its place and what it keeps of the one that it goes on from. */
  private async arrange(rows: readonly Row[]): Promise<Session> {
    const prefixes = [...new Set(rows.flatMap(({ prefix }) => prefix ?? []))];
    if (!this.session || this.held.length === 0) {
      const session = await this.open(prefixes.length > 0 ? 1 : rows.length);
      if (prefixes.length === 0) return session;
    }
    const session = this.session!;
    const ownCount = session.lengths.length;
    for (const { session: kept } of prefixes) await session.include!(kept);
    await this.keepDropped(session, rows);
    const sources = rows.map(({ origin, prefix }) =>
      prefix ? ownCount + prefixes.indexOf(prefix) : (origin?.place ?? 0),
    );
    const isSame =
      sources.length === session.lengths.length && sources.every((source, place) => source === place);
    if (!isSame) await session.select(sources);
    const kept = rows.map(({ kept }) => kept);
    if (session.lengths.some((length, place) => length !== kept[place])) await session.rewind(kept);
    return session;
  }

  /** Rows of the last pass from which none of these goes on are kept for prompts to come. */
  private async keepDropped(session: Session, rows: readonly Row[]): Promise<void> {
    if (!this.prefixes) return;
    const needed = new Set(rows.map(({ origin }) => origin));
    for (const row of this.held) {
      if (needed.has(row)) continue;
      await this.prefixes.keep(session, row.place, row.tokens().slice(0, row.heldLength));
    }
  }

  private async open(rowCount: number): Promise<Session> {
    await this.dispose();
    this.session = this.model.openSession(rowCount);
    return this.session;
  }
}

class Row implements SharedRow {
  place = -1;
  /** Passes that are left to read it; 0 while that is not planned. */
  passes = 0;
  private readonly longer = new Map<number, Row>();

  private constructor(
    /** The row of the last pass that it goes on from: another one, or itself. */
    public origin: Row | undefined,
    /** How many of its tokens the origin holds already. */
    public kept: number,
    public unread: TokenRow,
    private readonly parent: Row | undefined,
    /** Its tokens after the parent's. */
    private readonly own: TokenRow,
    readonly inOnePass: boolean,
    /** Where it goes on from a row that was kept, instead of from its origin; until its first pass. */
    public prefix?: KeptPrefix,
  ) {}

  static after({ row, prefix, shared }: Closest, tokens: TokenRow, inOnePass: boolean): Row {
    return new Row(row, shared, tokens.slice(shared), undefined, tokens, inOnePass, prefix);
  }

  get isRead(): boolean {
    return this.unread.length === 0;
  }

  get isPrompt(): boolean {
    return this.parent === undefined;
  }

  get isNew(): boolean {
    return this.isPrompt && this.passes === 0 && !this.isRead;
  }

  /** How many tokens the session holds of it. */
  get heldLength(): number {
    return this.place < 0 ? 0 : this.kept;
  }

  extend(token: number): Row {
    const there = this.longer.get(token);
    if (there) return there;
    const row = new Row(this, this.kept, [token], this, [token], true);
    row.passes = 1;
    this.longer.set(token, row);
    return row;
  }

  /** It has left the session: whoever went on from it has done so. */
  forget(): void {
    this.place = -1;
    this.longer.clear();
  }

  /** Reads tokens again that are held, if need be, so that there is one for each of these passes. */
  leaveForEach(passes: number): void {
    const again = Math.min(this.kept, passes - this.unread.length);
    if (again <= 0) return;
    this.kept -= again;
    this.unread = this.own.slice(this.kept);
  }

  nextPiece(): TokenRow {
    return nextPiece(this.unread, this.passes);
  }

  /** @returns how many tokens of a prompt it has read */
  takePiece(place: number, count: number): number {
    this.place = place;
    this.origin = this;
    this.prefix = undefined;
    this.kept += count;
    this.unread = this.unread.slice(count);
    this.passes--;
    return this.isPrompt ? count : 0;
  }

  /** All of its tokens. */
  tokens(): TokenRow {
    const parts: TokenRow[] = [];
    for (let row: Row | undefined = this; row; row = row.parent) parts.push(row.own);
    return parts.reverse().flat();
  }
}

/**
 * Rows that begin together are read in the same passes, so that none waits for the others with nothing to read.
 *
 * @returns how many tokens they are to read
 */
function planPasses(begun: readonly Row[]): number {
  const together = begun.filter(({ inOnePass }) => !inOnePass);
  const longest = Math.max(0, ...together.map(({ unread }) => unread.length));
  for (const row of together) row.leaveForEach(countPasses([longest, longest]));
  const passes = countPasses(together.map(({ unread }) => unread.length));
  for (const row of begun) row.passes = row.inOnePass ? 1 : passes;
  return begun.reduce((sum, { unread }) => sum + unread.length, 0);
}

interface Closest {
  readonly row: Row | undefined;
  readonly prefix?: KeptPrefix;
  readonly shared: number;
}

/** The row to go on from, and how much of it: never all of `tokens`, as logits come from a token that is read. */
function closestTo(tokens: TokenRow, held: readonly Row[]): Closest {
  let closest: Closest = { row: held[0], shared: 0 };
  for (const row of held) {
    const common = commonLength(row.tokens(), tokens);
    const shared = Math.min(common, row.heldLength, tokens.length - 1);
    if (shared > closest.shared) closest = { row, shared };
  }
  return closest;
}
