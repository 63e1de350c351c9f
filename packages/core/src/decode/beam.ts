/** Beam search on one prompt: the paper's `beam` baseline, which reads the preference prompt. */

import * as tf from "@tensorflow/tfjs-core";
import { CoreError, notFinite } from "../errors.js";
import { checkBackend } from "../port/backend.js";
import { yieldToHost } from "../port/event-loop.js";
import {
  callback,
  checkFields,
  checkGiven,
  checkReadingOptions,
  describeValue,
  flag,
  model as givenModel,
  optional,
} from "../port/given.js";
import {
  disposeLogProbabilities,
  disposeNext,
  type LogProbabilities,
  normaliseNext,
} from "../port/log-probabilities.js";
import { checkPrompt, type PrefillOptions, throwIfAborted } from "../port/reading.js";
import type { LanguageModel, Next, TokenRow } from "../port/session.js";
import { type SharedRow, SharedRows } from "../port/shared-rows.js";
import { takeValues } from "../port/take-values.js";
import { refuseUnlessWhole } from "./coverage.js";

export interface BeamOptions extends PrefillOptions {
  /** Answers kept under way; default 16, as in the paper. 1 is greedy decoding. */
  readonly beams?: number;
  /** p in score = log probability / length^p; default 1, the mean per token. 0 is the plain sum, above 1 favours length. */
  readonly lengthPenalty?: number;
  readonly maxNewTokens: number;
  /**
   * True ends the search with the `beams`-th finished answer. False, the default, ends it when no answer under way can
   * still overtake the best finished one, whatever its remaining tokens (Hugging Face's `"never"`).
   */
  readonly earlyStopping?: boolean;
  /** Called after every token with the best answer so far, finished or not. */
  readonly onBest?: (best: BeamAnswer) => void;
}

/** One answer of the search. */
export interface BeamAnswer {
  /** Token ids, without the end token. */
  readonly ids: readonly number[];
  /** Σ log p of its tokens, the end token included, in nats. */
  readonly logProbability: number;
  /** What the search maximises: logProbability / length^p, where length counts the end token too. */
  readonly score: number;
  readonly finishReason: "stop" | "length";
}

/**
 * The best answer that a beam search finds. Rows that go on from the same answer share its cache.
 * Of the best 2 · `beams` continuations, end tokens finish an answer if they are among the first `beams`, and the
 * first `beams` others go on, as in Hugging Face's `generate`.
 *
 * @throws CoreError `bad-request`, `context-overflow`, `not-covered`, `not-finite`, `aborted`
 */
export async function beamSearch(
  model: LanguageModel,
  prompt: TokenRow,
  options: BeamOptions,
): Promise<BeamAnswer> {
  checkGiven(model, givenModel, "The model");
  checkBackend();
  checkReadingOptions(options);
  checkFields(options, { earlyStopping: optional(flag), onBest: optional(callback) }, "the options");
  refuseUnlessWhole(model, "a beam search");
  const rows = new SharedRows(model);
  try {
    const search = startSearch(model, prompt, rows, options);
    const width = search.beams * (1 + Math.max(1, model.endTokens.size));
    for (;;) {
      await yieldToHost();
      throwIfAborted(options.signal);
      const wanted = search.running.map(({ row }) => row);
      const next = await rows.read(wanted, options);
      // A long prompt takes several passes.
      if (!wanted.every(({ isRead }) => isRead)) {
        disposeNext(next);
        continue;
      }
      advance(search, rankContinuations(search, await readBest(next, width)), model.endTokens, rows);
      const best = bestAnswer(search);
      options.onBest?.(best);
      if (isOver(search)) return best;
    }
  } finally {
    await rows.dispose();
  }
}

/** An answer that may go on: the row that it goes on from, and its tokens. */
interface Continuation {
  readonly parent: SharedRow;
  readonly ids: readonly number[];
  readonly logProbability: number;
}

/** An answer under way, and its row. */
interface Running {
  readonly row: SharedRow;
  readonly ids: readonly number[];
  readonly logProbability: number;
}

interface Search {
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean;
  /** Tokens that an answer may have, by request and by context. */
  readonly longest: number;
  running: readonly Running[];
  finished: readonly BeamAnswer[];
}

function startSearch(model: LanguageModel, prompt: TokenRow, rows: SharedRows, options: BeamOptions): Search {
  const { beams = 16, lengthPenalty = 1, maxNewTokens, earlyStopping = false } = options;
  for (const [name, value] of Object.entries({ beams, maxNewTokens })) {
    if (!Number.isInteger(value) || value < 1)
      throw new CoreError(
        "bad-request",
        `${name} must be a whole number of at least 1; it is ${describeValue(value)}.`,
      );
  }
  if (!Number.isFinite(lengthPenalty))
    throw new CoreError(
      "bad-request",
      `lengthPenalty must be a finite number; it is ${describeValue(lengthPenalty)}.`,
    );
  checkPrompt(model, prompt, "preference");
  const longest = Math.min(maxNewTokens, model.contextLength - prompt.length);
  // One beam that went on past its end token would no longer be greedy decoding.
  const stopsEarly = earlyStopping || beams === 1;
  const [row] = rows.begin([prompt]);
  const start: Running = { row: row!, ids: [], logProbability: 0 };
  return { beams, lengthPenalty, earlyStopping: stopsEarly, longest, running: [start], finished: [] };
}

/** The most probable tokens of every row; uses `next` up. */
async function readBest(next: Next, width: number) {
  const given = normaliseNext(next);
  const count = Math.min(width, given.columns.count);
  const { values, indices } = takeBest(given, count);
  // NaN sorts anywhere or nowhere in a top-k, but it spreads to every entry of its log-policy.
  const [logProbabilities, columns] = await takeValues(values, indices);
  if (!logProbabilities.every(Number.isFinite)) {
    throw notFinite("The policy of the prompt");
  }
  return { logProbabilities, ids: Array.from(columns, given.columns.idOf), count };
}

function takeBest(given: LogProbabilities, count: number) {
  try {
    return tf.tidy(() => tf.topk(given.logs_RC, count));
  } finally {
    disposeLogProbabilities(given);
  }
}

/** All continuations of all rows, the best first. */
function rankContinuations(
  { running }: Search,
  { logProbabilities, ids, count }: Awaited<ReturnType<typeof readBest>>,
): Continuation[] {
  const continuations = running.flatMap((answer) =>
    Array.from({ length: count }, (_, i) => {
      const at = answer.row.place * count + i;
      return {
        parent: answer.row,
        ids: [...answer.ids, ids[at]!],
        logProbability: answer.logProbability + logProbabilities[at]!,
      };
    }),
  );
  return continuations.sort((a, b) => b.logProbability - a.logProbability);
}

function advance(
  search: Search,
  continuations: readonly Continuation[],
  endTokens: ReadonlySet<number>,
  rows: SharedRows,
): void {
  const ends = ({ ids }: Continuation) => endTokens.has(ids.at(-1)!);
  const finished = continuations.slice(0, search.beams).filter(ends);
  search.finished = [...search.finished, ...finished.map((answer) => close(search, answer, "stop"))];
  const going = continuations.filter((answer) => !ends(answer)).slice(0, search.beams);
  search.running = going.map(({ parent, ids, logProbability }) => ({
    row: rows.extend(parent, ids.at(-1)!),
    ids,
    logProbability,
  }));
}

function close(
  search: Search,
  { ids, logProbability }: Pick<Continuation, "ids" | "logProbability">,
  finishReason: "stop" | "length",
): BeamAnswer {
  const score = logProbability / ids.length ** search.lengthPenalty;
  return { ids: finishReason === "stop" ? ids.slice(0, -1) : ids, logProbability, score, finishReason };
}

/** Answers under way count only while none is finished, or when there is no room to finish them. */
function bestAnswer(search: Search): BeamAnswer {
  const { running, finished, longest } = search;
  const isFull = running[0]?.ids.length === longest && !hasEnough(search);
  const cut = isFull || finished.length === 0 ? running.map((answer) => close(search, answer, "length")) : [];
  return [...finished, ...cut].reduce((best, answer) => (answer.score > best.score ? answer : best));
}

function isOver(search: Search): boolean {
  const leader = search.running[0];
  return !leader || leader.ids.length >= search.longest || hasEnough(search) || cannotImprove(search, leader);
}

function hasEnough({ earlyStopping, finished, beams }: Search): boolean {
  return earlyStopping && finished.length >= beams;
}

/** Whether no answer under way can overtake the best finished one. */
function cannotImprove(
  { finished, lengthPenalty, longest, earlyStopping }: Search,
  leader: Running,
): boolean {
  // log p only falls; a positive power divides it by most at full length, a negative one multiplies it from now on.
  const length = lengthPenalty > 0 ? longest : leader.ids.length + 1;
  const attainable = leader.logProbability / length ** lengthPenalty;
  return !earlyStopping && finished.some(({ score }) => score >= attainable);
}
