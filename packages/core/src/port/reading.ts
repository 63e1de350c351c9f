/** Reading prompts: how many tokens a pass takes, what is told of it, how it is ended. The one place for that. */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { yieldToHost } from "./event-loop.js";
import {
  checkGiven,
  checkReadingOptions,
  count,
  describeValue,
  model as givenModel,
  session as givenSession,
  signal as givenSignal,
  list,
  listOf,
  optional,
  text,
} from "./given.js";
import { disposeNext } from "./log-probabilities.js";
import type { LanguageModel, Next, Session, TokenRow } from "./session.js";

/** How many prompt tokens have been read, over all rows. */
export interface PrefillProgress {
  readonly done: number;
  readonly total: number;
}

export interface PrefillOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PrefillProgress) => void;
}

/** Tokens of the longest row per forward pass: enough to keep matrix products busy, few enough to stay responsive. */
const tokensPerPass = 128;

/** Positions whose logits are held at once: `[64, V]` for each row. */
const positionsPerPass = 64;

/** How many passes read rows of these lengths side by side: as few as 128 tokens allow, none without a token of each. */
export function countPasses(lengths: readonly number[]): number {
  if (lengths.length === 0) return 0;
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const shortest = lengths.reduce((least, length) => Math.min(least, length), Number.POSITIVE_INFINITY);
  return Math.min(Math.ceil(longest / tokensPerPass), shortest);
}

/** What the first of `passes` passes reads of a row: an equal share, at least one token. */
export function nextPiece(row: TokenRow, passes: number): TokenRow {
  return passes <= 1 ? row : row.slice(0, Math.floor(row.length / passes));
}

/**
 * Reads the prompts into an empty session, in passes of at most 128 tokens a row. Between two passes the event
 * loop runs, so that progress shows and an abort is heard.
 *
 * @returns what may follow each prompt; the caller owns it
 */
export async function prefill(
  session: Session,
  prompts: readonly TokenRow[],
  options: PrefillOptions = {},
): Promise<Next> {
  checkGiven(session, givenSession, "The session");
  checkGiven(prompts, listOf(listOf(count)), "The prompts");
  checkReadingOptions(options);
  const { signal, onProgress } = options;
  const total = prompts.reduce((sum, row) => sum + row.length, 0);
  let unread = prompts;
  let done = 0;
  for (let passes = countPasses(prompts.map((row) => row.length)); passes > 0; passes--) {
    await yieldToHost();
    throwIfAborted(signal);
    const pieces = unread.map((row) => nextPiece(row, passes));
    const next = await session.append(pieces, signal);
    unread = unread.map((row, r) => row.slice(pieces[r]!.length));
    done += pieces.reduce((sum, row) => sum + row.length, 0);
    try {
      onProgress?.({ done, total });
    } catch (error) {
      disposeNext(next);
      throw error;
    }
    if (passes === 1) return next;
    disposeNext(next);
  }
  throw new CoreError("bad-request", "There is no prompt to read: give at least one row of tokens.");
}

/**
 * Appends the same tokens to every row and yields what may follow each of them, 64 positions at most at a time, or one
 * where an engine can no more: a `Next` for each row, which is the caller's. The event loop turns in between.
 *
 * @throws CoreError `aborted`
 */
export async function* readPositions(
  session: Session,
  tokens: TokenRow,
  options: PrefillOptions = {},
): AsyncGenerator<readonly Next[], void, void> {
  checkGiven(session, givenSession, "The session");
  checkGiven(tokens, listOf(count), "The tokens");
  checkReadingOptions(options);
  const { signal, onProgress } = options;
  const size = session.appendAll ? positionsPerPass : 1;
  for (let done = 0; done < tokens.length; ) {
    await yieldToHost();
    throwIfAborted(signal);
    const pass = tokens.slice(done, done + size);
    const rows = session.lengths.map(() => pass);
    const next = session.appendAll
      ? await session.appendAll(rows, signal)
      : splitRows(await session.append(rows, signal));
    done += pass.length;
    try {
      onProgress?.({ done, total: tokens.length });
    } catch (error) {
      next.forEach(disposeNext);
      throw error;
    }
    yield next;
  }
}

/** Each row's position of a `Next`, which is used up. */
export function splitRows({ logits_RC, rest_R1, mostOfRest_R, ...columns }: Next): Next[] {
  const parts = tf.tidy(() => ({
    logits: tf.split(logits_RC, logits_RC.shape[0]) as Tensor2D[],
    rests: rest_R1 ? (tf.split(rest_R1, rest_R1.shape[0]) as Tensor2D[]) : [],
  }));
  disposeNext({ logits_RC, ...(rest_R1 && { rest_R1 }) });
  return parts.logits.map((logits_RC, r) => {
    const rest = parts.rests[r];
    const most = mostOfRest_R && { mostOfRest_R: [mostOfRest_R[r]!] };
    return { ...columns, logits_RC, ...(rest && { rest_R1: rest }), ...most };
  });
}

/** @throws CoreError `bad-request` for an empty prompt, an id outside the vocabulary; `context-overflow` for a prompt that leaves no room */
export function checkPrompt(model: LanguageModel, prompt: TokenRow, name: string): void {
  checkGiven(model, givenModel, "The model");
  checkGiven(name, text, "The name of the prompt");
  checkGiven(prompt, list, `The ${name} prompt`);
  if (prompt.length === 0) {
    throw new CoreError("bad-request", `The ${name} prompt is empty: it needs at least one token.`);
  }
  // By its place, as what is there may be `undefined`.
  const bad = prompt.findIndex((id) => !isTokenOf(model, id));
  if (bad >= 0) {
    throw new CoreError(
      "bad-request",
      `The ${name} prompt holds the token id ${describeValue(prompt[bad])}; ${model.name} has ids from 0 to ${model.vocabularySize - 1}.`,
    );
  }
  if (prompt.length >= model.contextLength) {
    throw new CoreError(
      "context-overflow",
      `The ${name} prompt has ${prompt.length} tokens and ${model.name} reads at most ${model.contextLength}, of which ` +
        "at least one is for the answer. Shorten the prompt or take a model with a longer context.",
    );
  }
}

export function isTokenOf({ vocabularySize }: LanguageModel, id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < vocabularySize;
}

/** @param what was interrupted. @throws CoreError `aborted`, with the signal's reason as its cause */
export function throwIfAborted(signal: AbortSignal | undefined, what = "The answer"): void {
  checkGiven(signal, optional(givenSignal), "The signal");
  checkGiven(what, text, "What may be interrupted");
  if (signal?.aborted) throw new CoreError("aborted", `${what} was interrupted.`, { cause: signal.reason });
}
