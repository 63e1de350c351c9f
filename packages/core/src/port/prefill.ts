import type { Tensor2D } from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import type { LanguageModel, Session, TokenRow } from "./session.js";

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

/**
 * Reads the prompts into an empty session, in passes of at most 128 tokens a row. Between two passes the event
 * loop runs, so that progress shows and an abort is heard.
 *
 * @returns the logits that follow each prompt, `[B, V]`; the caller owns them
 */
export async function prefill(
  session: Session,
  prompts: readonly TokenRow[],
  { signal, onProgress }: PrefillOptions = {},
): Promise<Tensor2D> {
  const passes = splitIntoPasses(prompts);
  const total = prompts.reduce((sum, row) => sum + row.length, 0);
  let done = 0;
  for (const [index, pass] of passes.entries()) {
    throwIfAborted(signal);
    const logits_BV = session.append(pass);
    done += pass.reduce((sum, row) => sum + row.length, 0);
    onProgress?.({ done, total });
    if (index === passes.length - 1) return logits_BV;
    logits_BV.dispose();
    await new Promise((resolve) => setTimeout(resolve));
  }
  throw new CoreError("bad-request", "There is no prompt to read: give at least one row of tokens.");
}

/** Cuts every row into the same number of pieces, none empty. */
function splitIntoPasses(prompts: readonly TokenRow[]): TokenRow[][] {
  const lengths = prompts.map((row) => row.length);
  const pieces = Math.min(Math.ceil(Math.max(...lengths) / tokensPerPass), Math.min(...lengths));
  return Array.from({ length: pieces }, (_, piece) =>
    prompts.map((row) =>
      row.slice(Math.floor((piece * row.length) / pieces), Math.floor(((piece + 1) * row.length) / pieces)),
    ),
  );
}

/** @throws CoreError `bad-request` for an empty prompt, an id outside the vocabulary; `context-overflow` for a prompt that leaves no room */
export function checkPrompt(model: LanguageModel, prompt: TokenRow, name: string): void {
  if (prompt.length === 0) {
    throw new CoreError("bad-request", `The ${name} prompt is empty: it needs at least one token.`);
  }
  const bad = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= model.vocabularySize);
  if (bad !== undefined) {
    throw new CoreError(
      "bad-request",
      `The ${name} prompt holds the token id ${bad}; ${model.name} has ids from 0 to ${model.vocabularySize - 1}.`,
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

/** @throws CoreError `aborted` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new CoreError("aborted", "The answer was interrupted.", { cause: signal.reason });
}
