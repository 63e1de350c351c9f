/** Answers the rows of a run, many side by side: one that is complete makes room for the next. */
import {
  beamSearch,
  type ChatModel,
  createChooser,
  type DecodeEvent,
  Decoder,
  type Method,
  type TextStream,
} from "@amulet-ts/core";
import { EvaluationError } from "../errors.js";
import { keyOf, methodOf } from "../grid/settings.js";
import type { RunAnswer } from "./answer-line.js";
import type { RunConfig } from "./config.js";
import type { RunPair } from "./pairs.js";
import { type RenderedPair, renderPair } from "./render-pair.js";
import { type Row, seedOf } from "./rows.js";
import type { RunPlan } from "./run-record.js";

export interface AnswerRowsOptions {
  readonly signal?: AbortSignal;
  /** Told after every forward pass how many tokens came with it. */
  readonly onTokens?: (count: number) => void;
}

/**
 * @yields the answers that a forward pass completed, in the order in which they end
 * @throws CoreError `aborted`, `not-finite`; EvaluationError `bad-questions` before anything is read, for a question
 *   that leaves no room for an answer
 */
export async function* answerRows(
  model: ChatModel,
  plan: RunPlan,
  rows: readonly Row[],
  options: AnswerRowsOptions = {},
): AsyncGenerator<RunAnswer[], void, void> {
  const { signal, onTokens } = options;
  const prompts = new PromptShelf(model, plan);
  for (const { pair } of rows) prompts.check(pair);
  const decoded = plan.settings.filter(({ kind }) => kind !== "beam");
  const methods = new Map(decoded.map((setting) => [keyOf(setting), methodOf(setting)]));
  const decoder = new Decoder(model, signal ? { signal } : {});
  const growing = new Map<number, GrowingAnswer>();
  let begun = 0;
  try {
    while (growing.size > 0 || begun < rows.length) {
      for (; growing.size < plan.config.parallel && begun < rows.length; begun++) {
        const row = rows[begun]!;
        const work = { row, pair: plan.pairs[row.pair]!, prompts: prompts.take(row.pair) };
        const method = methods.get(keyOf(row.setting));
        if (method === undefined) {
          yield [await searchRow(model, work, plan.config.answers, options)];
          continue;
        }
        const number = joinRow(decoder, work, method, plan.config.answers);
        growing.set(number, new GrowingAnswer(model.textStream(), work, method));
      }
      if (growing.size === 0) break;
      const events = await decoder.step();
      onTokens?.(events.filter(({ type }) => type === "token").length);
      const done = takeEvents(events, growing);
      if (done.length > 0) yield done;
    }
  } finally {
    await decoder.dispose();
  }
}

interface RowWork {
  readonly row: Row;
  readonly pair: RunPair;
  readonly prompts: RenderedPair;
}

function joinRow(
  decoder: Decoder,
  { row, prompts }: RowWork,
  method: Method,
  { maxNewTokens, temperature, seed }: RunConfig["answers"],
): number {
  return decoder.join({
    base: prompts.base.ids,
    preferences: prompts.preferences.map(({ ids }, k) => ({
      tokens: ids,
      weight: row.setting.weights?.[k] ?? 1,
    })),
    method,
    choose: createChooser({ temperature, seed: seedOf(row, seed) }),
    maxNewTokens,
    reportDrift: true,
  });
}

/** A search has as many rows as it is wide, and is not joined by others. */
async function searchRow(
  model: ChatModel,
  work: RowWork,
  { maxNewTokens }: RunConfig["answers"],
  { signal, onTokens }: AnswerRowsOptions,
): Promise<RunAnswer> {
  const started = performance.now();
  const options = { beams: work.row.setting.value, maxNewTokens, onBest: () => onTokens?.(1) };
  const prompt = work.prompts.preferences[0]!.ids;
  const best = await beamSearch(model, prompt, { ...options, ...(signal && { signal }) });
  const text = new GrowingText(model.textStream());
  for (const id of best.ids) text.push(id);
  const count = best.ids.length + (best.finishReason === "stop" ? 1 : 0);
  return describeAnswer(work, text, {
    finishReason: best.finishReason,
    logProbability: { mean: round(best.logProbability / count), least: null },
    x: null,
    kl: [],
    ms: Math.round(performance.now() - started),
  });
}

function takeEvents(events: readonly DecodeEvent[], growing: Map<number, GrowingAnswer>): RunAnswer[] {
  const done: RunAnswer[] = [];
  for (const event of events) {
    const answer = growing.get(event.request)!;
    if (event.type === "token") answer.take(event);
    else {
      growing.delete(event.request);
      done.push(answer.finish(event.reason));
    }
  }
  return done;
}

/** The last few pairs' prompts: the settings of a pair follow one another. */
class PromptShelf {
  private readonly checked = new Set<number>();
  private last: { readonly pair: number; readonly prompts: RenderedPair } | undefined;

  constructor(
    private readonly model: ChatModel,
    private readonly plan: RunPlan,
  ) {}

  take(pair: number): RenderedPair {
    if (this.last?.pair !== pair) this.last = { pair, prompts: this.render(pair) };
    return this.last.prompts;
  }

  /** @throws EvaluationError `bad-questions` */
  check(pair: number): void {
    if (this.checked.has(pair)) return;
    this.checked.add(pair);
    const { base, preferences } = this.render(pair);
    const longest = Math.max(...[base, ...preferences].map(({ ids }) => ids.length));
    const { contextLength, name } = this.model;
    if (longest < contextLength) return;
    throw new EvaluationError(
      "bad-questions",
      `The question ${JSON.stringify(this.plan.pairs[pair]!.questionId)} has ${longest} tokens with its prompt, and ` +
        `${name} reads at most ${contextLength}, of which at least one is for the answer: leave it out of the set.`,
    );
  }

  private render(number: number): RenderedPair {
    return renderPair(this.model, this.plan.config.answers, this.plan.pairs[number]!);
  }
}

type TokenEvent = Extract<DecodeEvent, { readonly type: "token" }>;

/** Tokens as they come, and what they spell. */
class GrowingText {
  readonly ids: number[] = [];
  readonly ends: number[] = [];
  private soFar = "";

  constructor(private readonly stream: TextStream) {}

  push(id: number): void {
    this.ids.push(id);
    this.soFar += this.stream.push(id);
    this.ends.push(this.soFar.length);
  }

  end(): string {
    return this.soFar + this.stream.flush();
  }
}

class GrowingAnswer {
  private readonly text: GrowingText;
  private readonly logs: number[] = [];
  private readonly kl: (number | null)[] = [];
  private readonly x: number[] = [];
  private readonly started = performance.now();

  constructor(
    stream: TextStream,
    private readonly work: RowWork,
    private readonly method: Method,
  ) {
    this.text = new GrowingText(stream);
  }

  take({ id, logProbability, drift, gamma }: TokenEvent): void {
    this.text.push(id);
    this.logs.push(logProbability);
    this.kl.push(drift === undefined ? null : round(drift));
    if (gamma !== undefined) this.x.push(round(gamma + 1));
  }

  finish(finishReason: RunAnswer["finishReason"]): RunAnswer {
    const { logs, kl, x } = this;
    const sum = logs.reduce((total, log) => total + log, 0);
    const isEmpty = logs.length === 0;
    return describeAnswer(this.work, this.text, {
      finishReason,
      logProbability: {
        mean: isEmpty ? null : round(sum / logs.length),
        least: isEmpty ? null : round(logs.reduce((least, log) => Math.min(least, log), 0)),
      },
      x: x.length > 0 ? x : (this.method.guidanceScale ?? null),
      kl,
      ms: Math.round(performance.now() - this.started),
    });
  }
}

type Measured = Pick<RunAnswer, "finishReason" | "logProbability" | "x" | "kl" | "ms">;

function describeAnswer(
  { row, pair, prompts }: RowWork,
  text: GrowingText,
  { finishReason, logProbability, x, kl, ms }: Measured,
): RunAnswer {
  return {
    key: row.key,
    text: text.end(),
    questionId: pair.questionId,
    preference: pair.preferenceName,
    setting: keyOf(row.setting),
    sample: row.sample,
    finishReason,
    ids: text.ids,
    ends: text.ends,
    logProbability,
    x,
    kl,
    prompts: {
      base: prompts.base.prompt,
      preference: prompts.preferences.map(({ prompt }) => prompt).join("\n\n"),
    },
    promptTokens: {
      base: prompts.base.ids.length,
      preference: prompts.preferences.reduce((sum, { ids }) => sum + ids.length, 0),
    },
    ms,
    at: new Date().toISOString(),
  };
}

/** Five digits: float32 has seven, and a file of a million tokens is read by people too. */
function round(value: number): number {
  return Number(value.toPrecision(5));
}
