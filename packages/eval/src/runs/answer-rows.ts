/** Answers the rows of a run, many side by side: one that is complete makes room for the next. */
import {
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
  { signal, onTokens }: AnswerRowsOptions = {},
): AsyncGenerator<RunAnswer[], void, void> {
  const prompts = new PromptShelf(model, plan);
  for (const { pair } of rows) prompts.check(pair);
  const methods = new Map(plan.settings.map((setting) => [keyOf(setting), methodOf(setting)]));
  const decoder = new Decoder(model, signal ? { signal } : {});
  const growing = new Map<number, GrowingAnswer>();
  let begun = 0;
  try {
    while (growing.size > 0 || begun < rows.length) {
      for (; growing.size < plan.config.parallel && begun < rows.length; begun++) {
        const row = rows[begun]!;
        const work = { row, pair: plan.pairs[row.pair]!, prompts: prompts.take(row.pair) };
        const method = methods.get(keyOf(row.setting))!;
        const number = joinRow(decoder, work, method, plan.config.answers);
        growing.set(number, new GrowingAnswer(model.textStream(), work, method));
      }
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

class GrowingAnswer {
  private text = "";
  private readonly ids: number[] = [];
  private readonly ends: number[] = [];
  private readonly logs: number[] = [];
  private readonly kl: (number | null)[] = [];
  private readonly x: number[] = [];
  private readonly started = performance.now();

  constructor(
    private readonly stream: TextStream,
    private readonly work: RowWork,
    private readonly method: Method,
  ) {}

  take({ id, logProbability, drift, gamma }: TokenEvent): void {
    this.ids.push(id);
    this.text += this.stream.push(id);
    this.ends.push(this.text.length);
    this.logs.push(logProbability);
    this.kl.push(drift === undefined ? null : round(drift));
    if (gamma !== undefined) this.x.push(round(gamma + 1));
  }

  finish(finishReason: RunAnswer["finishReason"]): RunAnswer {
    const { row, pair, prompts } = this.work;
    const { ids, ends, logs, kl, x } = this;
    const sum = logs.reduce((total, log) => total + log, 0);
    return {
      key: row.key,
      text: this.text + this.stream.flush(),
      questionId: pair.questionId,
      preference: pair.preferenceName,
      setting: keyOf(row.setting),
      sample: row.sample,
      finishReason,
      ids,
      ends,
      logProbability: {
        mean: ids.length === 0 ? null : round(sum / ids.length),
        least: ids.length === 0 ? null : round(logs.reduce((least, log) => Math.min(least, log), 0)),
      },
      x: x.length > 0 ? x : (this.method.guidanceScale ?? null),
      kl,
      prompts: {
        base: prompts.base.prompt,
        preference: prompts.preferences.map(({ prompt }) => prompt).join("\n\n"),
      },
      promptTokens: {
        base: prompts.base.ids.length,
        preference: prompts.preferences.reduce((sum, { ids }) => sum + ids.length, 0),
      },
      ms: Math.round(performance.now() - this.started),
      at: new Date().toISOString(),
    };
  }
}

/** Five digits: float32 has seven, and a file of a million tokens is read by people too. */
function round(value: number): number {
  return Number(value.toPrecision(5));
}
