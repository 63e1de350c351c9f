/**
 * Token rows in a context of llama.cpp, as core's sessions.
 *
 * What is forked lies outside of the context, as bytes: there it would take one of the few sequences, and every query of the
 * rows that run would walk over its cells. Taking a row back copies it, which costs a hundredth of reading it.
 */
import { type Next, type Session, type TokenRow, throwIfAborted } from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { EngineError, notOfThisModel } from "../errors.js";
import { Context, type LoadedModel } from "./context.js";
import type { PlacedToken } from "./native/token-batch.js";

interface Row {
  /** Its number in the context. */
  readonly sequence: number;
  readonly length: number;
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
  private readonly context: Context;
  private readonly closing = new AbortController();
  /** The call under way. */
  private work: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly model: LoadedModel,
    rowCount: number,
    /** The open ones of the model. */
    private readonly siblings: Set<LlamaCppSession>,
  ) {
    this.context = new Context(model);
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
    const free = unused(held);
    const taken = new Set<number>();
    const next = rows.map((row) => {
      const { sequence, length } = this.rows[row]!;
      if (taken.has(sequence)) return { sequence: free.next().value!, length, source: sequence };
      taken.add(sequence);
      return { sequence, length };
    });
    await this.run(async () => {
      await this.context.reserve(Math.max(0, ...next.map(({ sequence }) => sequence + 1)));
      for (const { sequence } of this.rows) if (!held.has(sequence)) this.context.cut(sequence, 0);
      for (const { sequence, source } of next) if (source !== undefined) this.context.share(source, sequence);
      this.rows = next.map(({ sequence, length }) => ({ sequence, length }));
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
    this.context.free();
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

  private async readPieces(placed: readonly PlacedToken[], signal?: AbortSignal): Promise<Float32Array> {
    const { vocabularySize: V } = this.model;
    await this.context.reserve(Math.max(...placed.map(({ sequence }) => sequence + 1)));
    const values = new Float32Array(placed.filter(({ isRead }) => isRead).length * V);
    let done = 0;
    const signals = signal ? [signal, this.closing.signal] : [this.closing.signal];
    for (const piece of pieces(placed, this.context)) {
      const outcome = await this.context.read(piece, signals, (logits_V) => values.set(logits_V, V * done++));
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

  private place(tokens: readonly TokenRow[], what: "last" | "all"): PlacedToken[] {
    return tokens.flatMap((row, r) => {
      const { sequence, length } = this.rows[r]!;
      return row.map((id, t) => ({
        id,
        position: length + t,
        sequence,
        isRead: what === "all" || t === row.length - 1,
      }));
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
        packed.set(row, { length, ...(length > 0 && { bytes: await this.context.save(sequence) }) });
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
    const free = unused(new Set(this.rows.map(({ sequence }) => sequence)));
    const rows = saved.map((row) => ({ ...row, sequence: free.next().value! }));
    await this.context.reserve(Math.max(0, ...rows.map(({ sequence }) => sequence + 1)));
    const restored = new Map<Uint8Array, number>();
    try {
      for (const { bytes, length, sequence } of rows) {
        if (!bytes) continue;
        const same = restored.get(bytes);
        if (same === undefined) await this.context.restore(sequence, bytes, length);
        else this.context.share(same, sequence);
        restored.set(bytes, sequence);
      }
    } catch (error) {
      for (const { sequence } of rows) this.context.cut(sequence, 0);
      throw error;
    }
    return rows.map(({ sequence, length }) => ({ sequence, length }));
  }

  private cutTo(lengths: readonly number[]): void {
    for (const [r, { sequence, length }] of this.rows.entries()) {
      if (lengths[r]! < length) this.context.cut(sequence, lengths[r]!);
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

/** Numbers that no sequence has, the smallest first. */
function* unused(held: ReadonlySet<number>): Generator<number, never> {
  for (let sequence = 0; ; sequence++) if (!held.has(sequence)) yield sequence;
}

/** As few pieces as one call's tokens and positions allow. */
function* pieces(
  placed: readonly PlacedToken[],
  { mostTokens, mostOutputs }: Context,
): Generator<PlacedToken[], void> {
  let piece: PlacedToken[] = [];
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
