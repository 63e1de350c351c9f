import type { LanguageModel, Session, TokenRow } from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";

/** Next-token logits of a row; any function of the tokens makes a model. */
export type NextLogits = (row: TokenRow) => readonly number[];

/**
 * A model that is a function of its row, with nothing cached: what the generation loop makes of it can be
 * computed by hand. It counts the sessions it has open and the tokens it was given.
 */
export class ToyModel implements LanguageModel {
  readonly name = "toy";
  readonly coverage = "whole";
  openSessions = 0;
  tokensRead = 0;
  /** Number of rows at each call, oldest first. */
  readonly batches: number[] = [];
  /** Tokens of each row at each call, oldest first. */
  readonly lengths: number[][] = [];

  constructor(
    readonly next: NextLogits,
    readonly vocabularySize: number,
    readonly endTokens: ReadonlySet<number> = new Set(),
    readonly contextLength = 1000,
  ) {}

  openSession(rowCount: number): Session {
    this.openSessions++;
    return new ToySession(this, rowCount);
  }
}

class ToySession implements Session {
  private rows: number[][];

  constructor(
    private readonly model: ToyModel,
    rowCount: number,
  ) {
    this.rows = Array.from({ length: rowCount }, () => []);
  }

  get lengths() {
    return this.rows.map((row) => row.length);
  }

  async append(tokens: readonly TokenRow[]) {
    this.take(tokens);
    return { logits_RC: tf.tensor2d(this.rows.map((row) => [...this.model.next(row)])) };
  }

  async appendAll(tokens: readonly TokenRow[]) {
    return this.take(tokens).map((after) => ({ logits_RC: tf.tensor2d(after) }));
  }

  /** The logits after every token of every row. */
  private take(tokens: readonly TokenRow[]): number[][][] {
    this.model.batches.push(tokens.length);
    this.model.lengths.push(tokens.map((row) => row.length));
    return this.rows.map((row, b) =>
      tokens[b]!.map((token) => {
        row.push(token);
        this.model.tokensRead++;
        return [...this.model.next(row)];
      }),
    );
  }

  async select(rows: readonly number[]) {
    this.rows = rows.map((row) => [...this.rows[row]!]);
  }

  async rewind(lengths: readonly number[]) {
    this.rows = this.rows.map((row, b) => row.slice(0, lengths[b]!));
  }

  async fork(rows: readonly number[]) {
    const fork = this.model.openSession(0) as ToySession;
    fork.rows = rows.map((row) => [...this.rows[row]!]);
    return fork;
  }

  async include(other: Session) {
    this.rows.push(...(other as ToySession).rows.map((row) => [...row]));
  }

  async dispose() {
    this.model.openSessions--;
  }
}
