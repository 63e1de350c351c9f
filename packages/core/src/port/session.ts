import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { WeighedRows } from "./weighed-rows.js";

/** Token ids of one row, oldest first. */
export type TokenRow = readonly number[];

/**
 * How much of a distribution an engine gives: `whole`, the logits of every token; `top`, the most probable tokens and
 * the mass of the rest, as servers do that answer with log-probabilities.
 */
export type Coverage = "whole" | "top";

/**
 * A language model as the algorithm sees it: it opens sessions. Everything else (weights, files,
 * tokenizers) stays behind this interface.
 */
export interface LanguageModel {
  /** Shown to people, e.g. `SmolLM2-135M-Instruct`. */
  readonly name: string;
  /** V: how many ids there are. */
  readonly vocabularySize: number;
  /** Most tokens a row may hold. */
  readonly contextLength: number;
  /** Ids that end an answer. They are chosen like any token, and never shown. */
  readonly endTokens: ReadonlySet<number>;
  readonly coverage: Coverage;
  /** Opens a session of `rowCount` empty rows. */
  openSession(rowCount: number): Session;
}

/**
 * What may follow: R positions (the ends of a session's rows, or the positions of one row) and C columns, the tokens
 * that are given. Columns are the same tokens at every position.
 */
export interface Next {
  /** Log-probabilities up to a constant of each position, `[R, C]`; the caller owns it. */
  readonly logits_RC: Tensor2D;
  /** The token id of each column; absent where a column's number is its token's id, so that C = V. */
  readonly ids_C?: ArrayLike<number>;
  /**
   * log of what all tokens without a column weigh together, `[R, 1]`, up to the same constant as the logits; the caller
   * owns it. Absent where nothing is missing. A column that is given at other positions only has {@link impossible} here
   * and counts to the rest.
   */
  readonly rest_R1?: Tensor2D;
  /**
   * The most that one token which is not given weighs at each position, as the log of its share of the rest, `[R]`. Absent
   * where it may be all of it.
   */
  readonly mostOfRest_R?: ArrayLike<number>;
}

/**
 * R token rows of different lengths over one set of weights. All rows go through **one** forward pass
 * per call, so the weights are read once; no row ever sees another row, and no row is padded.
 *
 * Calls follow one another: the next one is made when the last one's promise is settled. A call that fails leaves the
 * rows as they were.
 */
export interface Session {
  /** Number of tokens each row holds; its length is R. */
  readonly lengths: readonly number[];

  /**
   * Appends one or more tokens to every row.
   *
   * @param tokens one non-empty row of ids per session row; their lengths may differ
   * @param signal ends a call that can be ended, with its reason
   * @param weighed which rows are weighed against one another; all of them where it is left out. An engine that gives the most
   *   probable tokens gives such rows the same ones. Others need not look at it
   * @returns what may follow the last token of each row, R positions
   */
  append(tokens: readonly TokenRow[], signal?: AbortSignal, weighed?: readonly WeighedRows[]): Promise<Next>;

  /**
   * Like {@link append}, with what may follow **every** appended token; absent where an engine has no cheaper way than
   * appending them one by one.
   *
   * @returns per row one `Next` with a position for each of its tokens
   */
  appendAll?(tokens: readonly TokenRow[], signal?: AbortSignal): Promise<Next[]>;

  /**
   * Keeps the named rows in the named order. A row named twice is forked, a row not named is dropped;
   * what is cached is shared, never copied.
   */
  select(rows: readonly number[]): Promise<void>;

  /** Shortens row r to its first `lengths[r]` tokens. Zero empties a row. */
  rewind(lengths: readonly number[]): Promise<void>;

  /**
   * Another session of this model, with these rows as they are now; what is cached is shared. Absent where an engine
   * can't: prompts are then shared among the rows of one session only.
   */
  fork?(rows: readonly number[]): Promise<Session>;

  /** Adds the rows of another session that `fork` made, behind its own; that one stays as it is. With `fork`, or absent. */
  include?(other: Session): Promise<void>;

  /** Frees the cache. A disposed session is not used again. */
  dispose(): Promise<void>;
}
