/**
 * Token rows in a context of llama.cpp, as core's sessions.
 *
 * What is forked lies outside of the context, as bytes: there it would take one of the few sequences, and every query of the
 * rows that run would walk over its cells. Taking a row back copies it, which costs a hundredth of reading it.
 */
import { type Next, type Session, type TokenRow, throwIfAborted } from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { EngineError, notOfThisModel } from "../errors.js";
import type { Context, LoadedModel } from "./context.js";
import { Contexts, contextOf, type RowCopy } from "./contexts.js";
import type { PlacedToken } from "./native/token-batch.js";

interface Row {
  /** Its number in the contexts. */
  readonly sequence: number;
  readonly length: number;
}

/** A token of a call, with the place of its logits among those that are asked for. */
interface AskedToken extends PlacedToken {
  readonly output: number;
}

/** A row outside of a context. */
interface SavedRow {
  readonly length: number;
  /** Absent where the row is empty. Rows that were forked from one have the same. */
  readonly bytes?: Uint8Array;
}

export class LlamaCppSession implements Session {
  private rows: readonly Row[];
  /** What a fork begins with, until it is used. */
  private saved: readonly SavedRow[] = [];
  private readonly contexts: Contexts;
  private readonly closing = new AbortController();
  /** The call under way. */
  private work: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly model: LoadedModel,
    rowCount: number,
    /** The open ones of the model. */
    private readonly siblings: Set<LlamaCppSession>,
  ) {
    this.contexts = new Contexts(model);
    siblings.add(this);
    this.rows = Array.from({ length: rowCount }, (_, sequence) => ({ sequence, length: 0 }));
  }

  get lengths(): readonly number[] {
    return [...this.rows, ...this.saved].map(({ length }) => length);
  }

  async append(tokens: readonly TokenRow[], signal?: AbortSignal): Promise<Next> {
    const { vocabularySize: V } = this.model;
    const values = await this.read(tokens, "last", signal);
    return { logits_RC: tf.tensor2d(values, [tokens.length, V], "float32") };
  }

  async appendAll(tokens: readonly TokenRow[], signal?: AbortSignal): Promise<Next[]> {
    const { vocabularySize: V } = this.model;
    const values = await this.read(tokens, "all", signal);
    let from = 0;
    return tokens.map(({ length: T }) => {
      const row = values.subarray(from * V, (from + T) * V);
      from += T;
      return { logits_RC: tf.tensor2d(row, [T, V], "float32") };
    });
  }

  async select(rows: readonly number[]): Promise<void> {
    await this.unpack();
    this.checkOpen();
    const held = new Set(rows.map((row) => this.rows[row]!.sequence));
    const old = new Set(this.rows.map(({ sequence }) => sequence));
    const taken = new Set(held);
    const placed = new Set<number>();
    const copies: RowCopy[] = [];
    const next = rows.map((row) => {
      const { sequence: source, length } = this.rows[row]!;
      if (!placed.has(source)) {
        placed.add(source);
        return { sequence: source, length };
      }
      const target = placeCopy(source, taken, old);
      taken.add(target);
      copies.push({ source, target, length });
      return { sequence: target, length };
    });
    await this.run(async () => {
      await this.contexts.reserve(Math.max(0, ...next.map(({ sequence }) => sequence + 1)));
      // What may fail comes before what is lost.
      await this.contexts.copy(copies.filter(({ target }) => !old.has(target)));
      for (const { sequence } of this.rows) if (!held.has(sequence)) this.contexts.cut(sequence, 0);
      await this.contexts.copy(copies.filter(({ target }) => old.has(target)));
      this.rows = next;
    });
  }

  async rewind(lengths: readonly number[]): Promise<void> {
    await this.unpack();
    this.checkOpen();
    this.cutTo(lengths);
  }

  async fork(rows: readonly number[]): Promise<Session> {
    const saved = await this.pack(rows);
    const fork = new LlamaCppSession(this.model, 0, this.siblings);
    fork.saved = saved;
    return fork;
  }

  async include(other: Session): Promise<void> {
    if (!(other instanceof LlamaCppSession) || other.model !== this.model) throw notOfThisModel();
    await this.unpack();
    const saved = await other.pack([...other.lengths.keys()]);
    this.checkOpen();
    await this.run(async () => {
      this.rows = [...this.rows, ...(await this.takeIn(saved))];
    });
  }

  async dispose(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    await this.work.catch(() => {});
    this.contexts.free();
    this.saved = [];
    this.siblings.delete(this);
  }

  /** @returns the logits of the positions that are asked for, row by row */
  private async read(
    tokens: readonly TokenRow[],
    what: "last" | "all",
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    await this.unpack();
    this.checkOpen();
    this.checkRows(tokens);
    return this.run(async () => {
      const before = this.lengths;
      try {
        return await this.readPieces(this.place(tokens, what), signal);
      } catch (error) {
        this.rows = this.rows.map((row, r) => ({ ...row, length: before[r]! + tokens[r]!.length }));
        this.cutTo(before);
        throw error;
      }
    });
  }

  private async readPieces(placed: readonly AskedToken[], signal?: AbortSignal): Promise<Float32Array> {
    const { vocabularySize: V } = this.model;
    await this.contexts.reserve(placed.reduce((most, { sequence }) => Math.max(most, sequence + 1), 0));
    const values = new Float32Array(placed.filter(({ isRead }) => isRead).length * V);
    const signals = signal ? [signal, this.closing.signal] : [this.closing.signal];
    for (const [context, piece] of this.piecesOf(placed)) {
      const outputs = piece.filter(({ isRead }) => isRead).map(({ output }) => output);
      const outcome = await context.read(piece, signals, (logits_V) =>
        values.set(logits_V, V * outputs.shift()!),
      );
      this.checkOpen();
      throwIfAborted(signal);
      if (outcome === "aborted")
        throw new EngineError("engine-failed", "llama.cpp stopped without being asked to.");
    }
    const grown = new Map<number, number>();
    for (const { sequence, position } of placed) grown.set(sequence, position + 1);
    this.rows = this.rows.map(({ sequence }) => ({ sequence, length: grown.get(sequence)! }));
    return values;
  }

  private *piecesOf(placed: readonly AskedToken[]): Generator<[Context, AskedToken[]], void> {
    for (const { context, tokens } of this.contexts.split(placed))
      for (const piece of pieces(tokens, context)) yield [context, piece];
  }

  private place(tokens: readonly TokenRow[], what: "last" | "all"): AskedToken[] {
    let output = 0;
    return tokens.flatMap((row, r) => {
      const { sequence, length } = this.rows[r]!;
      return row.map((id, t) => {
        const isRead = what === "all" || t === row.length - 1;
        return { id, position: length + t, sequence, isRead, output: isRead ? output++ : -1 };
      });
    });
  }

  /** These rows as they are now, outside of the context. */
  private async pack(rows: readonly number[]): Promise<readonly SavedRow[]> {
    this.checkOpen();
    if (this.saved.length > 0) return rows.map((row) => this.saved[row]!);
    return this.run(async () => {
      const packed = new Map<number, SavedRow>();
      for (const row of new Set(rows)) {
        const { sequence, length } = this.rows[row]!;
        packed.set(row, { length, ...(length > 0 && { bytes: await this.contexts.save(sequence) }) });
      }
      return rows.map((row) => packed.get(row)!);
    });
  }

  /** What a fork began with comes into its context. */
  private async unpack(): Promise<void> {
    this.checkOpen();
    const { saved } = this;
    if (saved.length === 0) return;
    await this.run(async () => {
      this.rows = await this.takeIn(saved);
      this.saved = [];
    });
  }

  /** Rows for what was saved, beside those that are there; on an error none. */
  private async takeIn(saved: readonly SavedRow[]): Promise<readonly Row[]> {
    const taken = new Set(this.rows.map(({ sequence }) => sequence));
    const rows = saved.map((row) => {
      const sequence = firstFree(taken);
      taken.add(sequence);
      return { ...row, sequence };
    });
    await this.contexts.reserve(Math.max(0, ...rows.map(({ sequence }) => sequence + 1)));
    const restored = new Map<Uint8Array, number>();
    try {
      for (const { bytes, length, sequence } of rows) {
        if (!bytes) continue;
        const source = restored.get(bytes);
        if (source === undefined) await this.contexts.restore(sequence, bytes, length);
        else await this.contexts.copy([{ source, target: sequence, length }]);
        restored.set(bytes, sequence);
      }
    } catch (error) {
      for (const { sequence } of rows) this.contexts.cut(sequence, 0);
      throw error;
    }
    return rows.map(({ sequence, length }) => ({ sequence, length }));
  }

  private cutTo(lengths: readonly number[]): void {
    for (const [r, { sequence, length }] of this.rows.entries()) {
      if (lengths[r]! < length) this.contexts.cut(sequence, lengths[r]!);
    }
    this.rows = this.rows.map(({ sequence, length }, r) => ({
      sequence,
      length: Math.min(length, lengths[r]!),
    }));
  }

  private run<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.work = running;
    return running;
  }

  private checkOpen(): void {
    if (!this.closing.signal.aborted) return;
    throw new EngineError("disposed", "The model was disposed of while an answer was going on.");
  }

  private checkRows(tokens: readonly TokenRow[]): void {
    if (tokens.length === this.rows.length && tokens.every(({ length }) => length > 0)) return;
    throw new EngineError(
      "bad-request",
      `The session has ${this.rows.length} rows and takes at least one token for each; it got ` +
        `${tokens.length} rows of ${tokens.map(({ length }) => length).join(", ")} tokens.`,
    );
  }
}

/** The smallest number that no row has. */
function firstFree(...taken: readonly ReadonlySet<number>[]): number {
  for (let sequence = 0; ; sequence++) if (!taken.some((numbers) => numbers.has(sequence))) return sequence;
}

/** In its source's context a copy may take the number of a row that goes; elsewhere it is made before that one has gone. */
function placeCopy(source: number, taken: ReadonlySet<number>, old: ReadonlySet<number>): number {
  const first = firstFree(taken);
  return contextOf(first) === contextOf(source) ? first : firstFree(taken, old);
}

/** As few pieces as one call's tokens and positions allow. */
function* pieces<Token extends PlacedToken>(
  placed: readonly Token[],
  { mostTokens, mostOutputs }: Context,
): Generator<Token[], void> {
  let piece: Token[] = [];
  let outputs = 0;
  for (const token of placed) {
    if (piece.length === mostTokens || (token.isRead && outputs === mostOutputs)) {
      yield piece;
      [piece, outputs] = [[], 0];
    }
    piece.push(token);
    if (token.isRead) outputs++;
  }
  if (piece.length > 0) yield piece;
}
