/** The one decode loop: answers grow side by side, a token each for every forward pass, and join and leave in between. */

import { CoreError } from "../errors.js";
import { type Explanation, explainToken, type Given, readExplainOptions } from "../explain/explain.js";
import { checkBackend } from "../port/backend.js";
import { yieldToHost } from "../port/event-loop.js";
import { checkGiven, checkReadingOptions, describeValue, model as givenModel } from "../port/given.js";
import {
  disposeLogProbabilities,
  disposeNext,
  type LogProbabilities,
  normaliseNext,
  type SeenMass,
} from "../port/log-probabilities.js";
import type { PrefixCache } from "../port/prefix-cache.js";
import { type PrefillOptions, throwIfAborted } from "../port/reading.js";
import type { LanguageModel } from "../port/session.js";
import { SharedRows } from "../port/shared-rows.js";
import { isGiven } from "../port/weighed-rows.js";
import { AnswerInProgress } from "./answer-in-progress.js";
import { type PolicyBatch, readPolicies } from "./policy-batch.js";
import type { DecodeEvent, DecodeRequest, ReportedRows } from "./request.js";
import { readGiven, readSeen, type SeenRow, seenRowsOf } from "./seen-mass.js";

export interface DecoderOptions extends PrefillOptions {
  /** Where prompts may go on from, beside the rows of the last pass. Several decoders of one model may share it. */
  readonly prefixes?: PrefixCache;
  /**
   * Told of an answer that fails by itself, through its chooser, its callbacks or its mask: it has left, and the others go
   * on. Where it is absent, `step` throws.
   */
  readonly onFailure?: (request: number, error: unknown) => void;
}

/**
 * Answers under way over one session. Rows with the same tokens are read once for all of them, so that several methods
 * answering one question, or several samples, share what they agree on.
 *
 * ```ts
 * const decoder = new Decoder(model);
 * const first = decoder.join(request);
 * for (const event of await decoder.step()) …   // `join` and `leave` whenever no step is under way
 * await decoder.dispose();
 * ```
 */
export class Decoder {
  private readonly rows: SharedRows;
  private answers: AnswerInProgress[] = [];
  private joined = 0;
  private isDisposed = false;
  /** The last step: the next one, and disposal, wait for it. */
  private underWay: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly model: LanguageModel,
    private readonly options: DecoderOptions = {},
  ) {
    checkGiven(model, givenModel, "The model");
    checkBackend();
    checkReadingOptions(options);
    this.rows = new SharedRows(model, options.prefixes);
  }

  /** Whether no answer is under way. */
  get isIdle(): boolean {
    return this.answers.length === 0;
  }

  /**
   * Takes an answer in. Its prompts are read with the next steps, long ones in pieces, while the others go on.
   *
   * @returns the number that its events carry: 0 for the first answer, then 1, …
   * @throws CoreError `bad-request`, `context-overflow`, `not-covered`; the others go on as if it had not been asked for
   */
  join(request: DecodeRequest): number {
    const answer = new AnswerInProgress(this.model, request, this.joined, this.rows);
    this.answers.push(answer);
    return this.joined++;
  }

  /** Lets an answer go where it is; it has no more events. A number that is not under way is passed over. */
  leave(request: number): void {
    this.answers = this.answers.filter(({ index }) => index !== request);
  }

  /**
   * One forward pass. Before it the event loop turns, at least every 12 ms of work.
   *
   * @returns a token of each answer whose prompts are read, and the ends, in the order of the requests
   * @throws CoreError `bad-request` for a choice that is none, `not-finite`, `aborted`, `not-covered`, and whatever the
   *   engine throws; what is left then is to dispose of the decoder
   */
  step(): Promise<DecodeEvent[]> {
    const step = this.underWay.then(() => this.takeStep());
    this.underWay = step.catch(() => {});
    return step;
  }

  private async takeStep(): Promise<DecodeEvent[]> {
    if (this.isIdle) return [];
    await yieldToHost();
    throwIfAborted(this.options.signal);
    if (this.isDisposed)
      throw new CoreError("aborted", "The answer was interrupted: its decoder was disposed of.");
    for (const answer of this.answers) this.attempt(answer, () => answer.goOn());
    if (this.isIdle) return [];
    const next = await this.rows.read(
      this.answers.flatMap(({ sharedRows }) => sharedRows),
      this.options,
      // Whoever gives the whole vocabulary gives all rows the same tokens.
      this.model.coverage === "top" ? this.answers.map(weighedRows) : undefined,
    );
    const ready = this.answers.filter(({ isReady }) => isReady);
    if (ready.length === 0) {
      disposeNext(next);
      return [];
    }
    const given = normaliseNext(next);
    try {
      return await this.chooseTokens(ready, given);
    } finally {
      disposeLogProbabilities(given);
      this.answers = this.answers.filter(({ ended }) => ended === undefined);
    }
  }

  /** Keeps what is read for later, as far as `prefixes` has room, and frees the session. For a decoder that is idle. */
  async rest(): Promise<void> {
    await this.underWay;
    await this.rows.rest();
  }

  /** Frees the session; a step that is under way ends in `aborted`, or is waited for. */
  async dispose(): Promise<void> {
    this.isDisposed = true;
    await this.underWay;
    this.answers = [];
    await this.rows.dispose();
  }

  /** One token for every answer; those with the same method are one batch. */
  private async chooseTokens(
    ready: readonly AnswerInProgress[],
    given: LogProbabilities,
  ): Promise<DecodeEvent[]> {
    const rows = await readGiven(given);
    const seenOf = (answer: AnswerInProgress) => {
      const own = rows && seenRowsOf(answer, rows);
      return own && { own, ...readSeen(answer, own, this.model) };
    };
    const seen = new Map(ready.map((answer) => [answer, this.attempt(answer, () => seenOf(answer))]));
    const events: DecodeEvent[] = [];
    for (const group of groupByMethod(ready.filter((answer) => this.answers.includes(answer)))) {
      const batch = await readPolicies(group, given);
      for (const [b, answer] of group.entries()) {
        const place = { batch, b, given, seen: seen.get(answer) };
        events.push(...(this.attempt(answer, () => chooseToken(answer, place)) ?? []));
      }
    }
    return events.sort((a, b) => a.request - b.request);
  }

  /** What concerns one answer alone. */
  private attempt<T>(answer: AnswerInProgress, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      if (!this.options.onFailure) throw error;
      this.leave(answer.index);
      this.options.onFailure(answer.index, error);
      return undefined;
    }
  }
}

function weighedRows({ sharedRows: rows, currentMethod: { needs = "whole" } }: AnswerInProgress) {
  return { rows, needs };
}

/** A mixture of preferences is normalised once more; a single row in the same batch would be, and changed by it. */
function groupByMethod(answers: readonly AnswerInProgress[]): AnswerInProgress[][] {
  const groups: AnswerInProgress[][] = [];
  for (const answer of answers) {
    const group = groups.find(
      ([first]) => first!.currentMethod === answer.currentMethod && first!.isMixture === answer.isMixture,
    );
    if (group) group.push(answer);
    else groups.push([answer]);
  }
  return groups;
}

/** An answer's place in a batch, and what the pass gave. */
interface Place {
  readonly batch: PolicyBatch;
  readonly b: number;
  readonly given: LogProbabilities;
  readonly seen: (SeenMass & { readonly own: readonly SeenRow[] }) | undefined;
}

function chooseToken(answer: AnswerInProgress, place: Place): DecodeEvent[] {
  const { batch, b, given } = place;
  const seen = place.seen && { base: place.seen.base, preference: place.seen.preference };
  const { request, index } = answer;
  const { columns } = given;
  const policy_C = batch.policies?.[b];
  const column = policy_C
    ? checkChoice(request.choose(policy_C, { ...answer.context, columns }), policy_C)
    : batch.best!.columns[b]!;
  const id = columns.idOf(column);
  const gamma = batch.gammas?.[b];
  const explanation = explain(answer, place, column);
  const drift = request.reportDrift ? batch.drifts?.[b] : undefined;
  const rows = request.reportRows ? readRows(batch, b) : undefined;
  const token: DecodeEvent = {
    type: "token",
    request: index,
    id,
    logProbability: policy_C ? policy_C[column]! : batch.best!.logProbabilities[b]!,
    ...(gamma !== undefined && { gamma }),
    ...(drift !== undefined && { drift }),
    ...(seen && { seen }),
    ...(explanation && { explanation }),
    ...(rows && { rows }),
  };
  const events: DecodeEvent[] = answer.accept(id) ? [token] : [];
  if (answer.ended) events.push({ type: "end", request: index, reason: answer.ended });
  return events;
}

/** As arrays of their own: those of the batch are one buffer. */
function readRows({ bases, preferences }: PolicyBatch, b: number): ReportedRows {
  return { logBase_V: bases![b]!.slice(), logPreference_V: preferences![b]!.slice() };
}

/** A chooser may be anybody's. @throws CoreError `bad-request` */
function checkChoice(column: number, { length }: Float32Array): number {
  if (Number.isInteger(column) && column >= 0 && column < length) return column;
  throw new CoreError(
    "bad-request",
    `The chooser must return the number of an entry of the policy, from 0 to ${length - 1}; it returned ${describeValue(column)}.`,
  );
}

/** What was seen, and in which columns values are bounds. */
function describePart(seen: Place["seen"]): Partial<Given> {
  if (!seen) return {};
  const { own, base, preference } = seen;
  const isBound = (row: SeenRow) => (column: number) => !isGiven(row, column);
  return {
    seen: { base, preference },
    isBaseBound: isBound(own[0]!),
    isPreferenceBound: isBound(own.at(-1)!),
  };
}

function explain(
  { request, currentMethod: { guidanceScale } }: AnswerInProgress,
  { batch: { policies, bases, preferences, gammas }, b, given: { columns }, seen }: Place,
  column: number,
): Explanation | undefined {
  const options = readExplainOptions(request.explain);
  if (!options || !policies || !bases || !preferences) return undefined;
  const rows = { logBase_C: bases[b]!, logPreference_C: preferences[b]!, logPolicy_C: policies[b]! };
  const gamma = gammas?.[b] ?? (guidanceScale === undefined ? undefined : guidanceScale - 1);
  return explainToken(columns.idOf(column), rows, options, gamma, { columns, ...describePart(seen) });
}
