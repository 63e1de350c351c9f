import type { Tensor2D } from "@tensorflow/tfjs-core";

/** Token ids of one row, oldest first. */
export type TokenRow = readonly number[];

/**
 * A language model as the algorithm sees it: it opens sessions. Everything else (weights, files,
 * tokenizers) stays behind this interface.
 */
export interface LanguageModel {
  /** Shown to people, e.g. `SmolLM2-135M-Instruct`. */
  readonly name: string;
  /** V: the number of logits per position. */
  readonly vocabularySize: number;
  /** Most tokens a row may hold. */
  readonly contextLength: number;
  /** Ids that end an answer. They are chosen like any token, and never shown. */
  readonly endTokens: ReadonlySet<number>;
  /** Opens a session of `rowCount` empty rows. */
  openSession(rowCount: number): Session;
}

/**
 * B token rows of different lengths over one set of weights. All rows go through **one** forward pass
 * per call, so the weights are read once; no row ever sees another row, and no row is padded.
 *
 * Results belong to the caller, who disposes them. The session owns its cache.
 */
export interface Session {
  /** Number of tokens each row holds; its length is B. */
  readonly lengths: readonly number[];

  /**
   * Appends one or more tokens to every row.
   *
   * @param tokens one non-empty row of ids per session row; their lengths may differ
   * @returns the logits that follow the last token of each row, `[B, V]`
   */
  append(tokens: readonly TokenRow[]): Tensor2D;

  /**
   * Like {@link append}, with the logits after **every** appended token.
   *
   * @returns one `[T_b, V]` tensor per row
   */
  appendAll(tokens: readonly TokenRow[]): Tensor2D[];

  /**
   * Keeps the named rows in the named order. A row named twice is forked, a row not named is dropped;
   * cached tensors are shared, never copied.
   */
  select(rows: readonly number[]): void;

  /** Shortens row b to its first `lengths[b]` tokens. Zero empties a row. */
  rewind(lengths: readonly number[]): void;

  /** Frees the cache. A disposed session is not used again. */
  dispose(): void;
  [Symbol.dispose](): void;
}
