/** Beam search on one prompt: the paper's `beam` baseline, which reads the preference prompt. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { logPolicy } from "../methods/policy.js";
import { checkPrompt, type PrefillOptions, prefill, throwIfAborted } from "../port/prefill.js";
import type { LanguageModel, Session, TokenRow } from "../port/session.js";

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
 * @throws CoreError `bad-request`, `context-overflow`, `not-finite`, `aborted`
 */
export async function beamSearch(
  model: LanguageModel,
  prompt: TokenRow,
  options: BeamOptions,
): Promise<BeamAnswer> {
  const search = startSearch(model, prompt, options);
  using session = model.openSession(1);
  let logits_BV = await prefill(session, [prompt], options);
  for (;;) {
    const width = search.beams * (1 + Math.max(1, model.endTokens.size));
    const continuations = rankContinuations(search, await readBest(logits_BV, width));
    advance(search, continuations, model.endTokens);
    const best = bestAnswer(search);
    options.onBest?.(best);
    if (isOver(search)) return best;
    throwIfAborted(options.signal);
    logits_BV = extend(session, search.running);
  }
}

/** An answer under way: where it comes from in the session, and its tokens. */
interface Running {
  readonly parent: number;
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

function startSearch(model: LanguageModel, prompt: TokenRow, options: BeamOptions): Search {
  const { beams = 16, lengthPenalty = 1, maxNewTokens, earlyStopping = false } = options;
  for (const [name, value] of Object.entries({ beams, maxNewTokens })) {
    if (!Number.isInteger(value) || value < 1)
      throw new CoreError("bad-request", `${name} must be a whole number of at least 1; it is ${value}.`);
  }
  if (!Number.isFinite(lengthPenalty))
    throw new CoreError("bad-request", `lengthPenalty must be a finite number; it is ${lengthPenalty}.`);
  checkPrompt(model, prompt, "preference");
  const longest = Math.min(maxNewTokens, model.contextLength - prompt.length);
  // One beam that went on past its end token would no longer be greedy decoding.
  const stopsEarly = earlyStopping || beams === 1;
  const start: Running = { parent: 0, ids: [], logProbability: 0 };
  return { beams, lengthPenalty, earlyStopping: stopsEarly, longest, running: [start], finished: [] };
}

/** The most probable tokens of every row; uses the logits up. */
async function readBest(logits_BV: Tensor2D, width: number) {
  const count = Math.min(width, logits_BV.shape[1]);
  const { values, indices } = tf.tidy(() => tf.topk(logPolicy(logits_BV), count));
  // NaN sorts anywhere or nowhere in a top-k, but it spreads to every entry of its log-policy.
  const [logProbabilities, ids] = await Promise.all([values.data(), indices.data()]);
  tf.dispose([logits_BV, values, indices]);
  if (!logProbabilities.every(Number.isFinite)) {
    throw new CoreError(
      "not-finite",
      "The model's logits are not numbers: its weights may be damaged, or memory ran out.",
    );
  }
  return { logProbabilities, ids, count };
}

/** All continuations of all rows, the best first. */
function rankContinuations(
  { running }: Search,
  { logProbabilities, ids, count }: Awaited<ReturnType<typeof readBest>>,
): Running[] {
  const continuations = running.flatMap((row, parent) =>
    Array.from({ length: count }, (_, i) => ({
      parent,
      ids: [...row.ids, ids[parent * count + i]!],
      logProbability: row.logProbability + logProbabilities[parent * count + i]!,
    })),
  );
  return continuations.sort((a, b) => b.logProbability - a.logProbability);
}

function advance(search: Search, continuations: readonly Running[], endTokens: ReadonlySet<number>): void {
  const ends = ({ ids }: Running) => endTokens.has(ids.at(-1)!);
  const finished = continuations.slice(0, search.beams).filter(ends);
  search.finished = [...search.finished, ...finished.map((answer) => close(search, answer, "stop"))];
  search.running = continuations.filter((answer) => !ends(answer)).slice(0, search.beams);
}

function close(
  search: Search,
  { ids, logProbability }: Running,
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

/** Forks and reorders the rows, and gives each its token. */
function extend(session: Session, running: readonly Running[]): Tensor2D {
  session.select(running.map(({ parent }) => parent));
  return session.append(running.map(({ ids }) => ids.slice(-1)));
}
