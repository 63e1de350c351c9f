/** From a question and a preference to streamed text. */

import { createChooser, type SamplingOptions } from "../decode/choose.js";
import { Decoder } from "../decode/decoder.js";
import type { Prompts } from "../decode/prompts.js";
import type { Change, DecodeEvent, DecodeRequest, EndReason, ReportedRows } from "../decode/request.js";
import { CoreError } from "../errors.js";
import type { ExplainOptions, Explanation } from "../explain/explain.js";
import { boundedMethod } from "../methods/bounded.js";
import type { Method } from "../methods/method.js";
import {
  callback,
  chatModel,
  checkFields,
  checkGiven,
  text as givenText,
  list,
  listOf,
  optional,
  record,
} from "../port/given.js";
import type { SeenMass } from "../port/log-probabilities.js";
import type { PrefillOptions } from "../port/reading.js";
import type { ChatModel, Question, WeightedPreference, WeightedQuestion } from "./chat.js";
import { renderPrompts } from "./render-question.js";
import { TextUntilStop } from "./text-until-stop.js";

interface CommonOptions extends SamplingOptions, PrefillOptions {
  /** Default 128, as in the paper's evaluation. */
  readonly maxNewTokens?: number;
  /** Texts that end an answer; they are not part of it. */
  readonly stop?: readonly string[];
  /** Explains every token: what the preference changed, and what would have been said otherwise. */
  readonly explain?: boolean | ExplainOptions;
  /** Tells both prompts' log-policies at every token. */
  readonly reportRows?: boolean;
}

export interface AnswerOptions extends CommonOptions {
  /** Asked before every token of each answer; what it changes holds from this token on. */
  readonly beforeToken?: (generated: readonly number[], index: number) => Change | undefined;
}

/** What may change between two tokens; what is left out stays as it is. */
export interface GenerateChange {
  readonly method?: Method;
  readonly preferences?: readonly WeightedPreference[];
}

/** A question with one preference or several weighted ones, and how to answer it. */
export type GenerateOptions = (Question | WeightedQuestion) &
  CommonOptions & {
    /** Default: `boundedMethod()`, Amulet as strong as a budget of drift allows. The paper's is `amuletMethod()`. */
    readonly method?: Method;
    /** Asked before every token; what it changes holds from this token on. */
    readonly beforeToken?: (generated: readonly number[]) => GenerateChange | undefined;
  };

/** One answer, complete. */
export interface Answer {
  readonly text: string;
  /** Token ids, without the end token. */
  readonly ids: readonly number[];
  readonly finishReason: "stop" | "length";
  /** One for each id, where they were asked for. */
  readonly explanations?: readonly Explanation[];
}

/** A piece of an answer. `text` is empty while a token has completed no character yet. */
export interface AnswerPiece {
  /** Which of the methods it belongs to. */
  readonly index: number;
  readonly text: string;
  readonly id?: number;
  readonly logProbability?: number;
  readonly gamma?: number;
  /** Where the engine gives only the most probable tokens: how much of each policy it gave. */
  readonly seen?: SeenMass;
  readonly explanation?: Explanation;
  readonly rows?: ReportedRows;
  /** With the last piece of an answer: all of it. */
  readonly answer?: Answer;
}

/**
 * Answers one question under a stated preference, piece by piece. The last piece carries the whole answer.
 *
 * @throws CoreError `bad-request`, `bad-strength`, `bad-sampling`, `context-overflow`, `not-finite`, `aborted`
 */
export async function* generate(
  model: ChatModel,
  options: GenerateOptions,
): AsyncGenerator<AnswerPiece, void, void> {
  checkFields(options, { beforeToken: optional(callback) }, "the options");
  const { method = boundedMethod(), beforeToken, ...rest } = options;
  const change = (generated: readonly number[]) => renderChange(model, options, beforeToken?.(generated));
  yield* answerPrompts(model, renderPrompts(model, options), [method], {
    ...rest,
    ...(beforeToken && { beforeToken: change }),
  });
}

function renderChange(model: ChatModel, options: GenerateOptions, change: GenerateChange | undefined) {
  if (!change?.preferences) return change as Change | undefined;
  const { question, system, preferenceIn } = options;
  const asked = { question, ...(system && { system }), ...(preferenceIn && { preferenceIn }) };
  const { preferences = [] } = renderPrompts(model, { ...asked, preferences: change.preferences });
  return { ...change, preferences };
}

/**
 * Answers with several methods side by side, in one batch; every method draws from the same seed. What the answers
 * have in common is read once.
 */
export async function* answerPrompts(
  model: ChatModel,
  prompts: Prompts,
  methods: readonly Method[],
  options: AnswerOptions = {},
): AsyncGenerator<AnswerPiece, void, void> {
  checkGiven(model, chatModel, "The model");
  checkGiven(prompts, record, "The prompts");
  checkGiven(methods, list, "The methods");
  checkFields(options, { stop: optional(listOf(givenText)), beforeToken: optional(callback) }, "the options");
  if (methods.length === 0)
    throw new CoreError("bad-request", "There is no method to answer with: give at least one.");
  const { signal, onProgress, stop = [], explain = false } = options;
  if (stop.includes(""))
    throw new CoreError(
      "bad-request",
      "A text that ends the answer is empty, and would end every answer: leave it out.",
    );
  const decoder = new Decoder(model, { ...(signal && { signal }), ...(onProgress && { onProgress }) });
  try {
    const answers = methods.map((method, index) => {
      decoder.join(toRequest(prompts, method, index, options));
      return new GrowingAnswer(index, new TextUntilStop(model.textStream(), stop), Boolean(explain));
    });
    while (!decoder.isIdle) {
      for (const event of await decoder.step()) {
        const answer = answers[event.request]!;
        if (answer.hasStopped) continue;
        yield* answer.take(event);
        if (answer.hasStopped) decoder.leave(event.request);
      }
    }
  } finally {
    await decoder.dispose();
  }
}

/** An answer's text as it comes. */
class GrowingAnswer {
  /** Whether a stop text is complete: what the model would have gone on to say is not part of the answer. */
  hasStopped = false;
  private readonly explanations: Explanation[] = [];

  constructor(
    private readonly index: number,
    private readonly text: TextUntilStop,
    private readonly isExplained: boolean,
  ) {}

  *take(event: DecodeEvent): Generator<AnswerPiece> {
    if (event.type === "end") return yield this.end(event.reason);
    const { type: _, request: index, drift: __, ...token } = event;
    if (event.explanation) this.explanations.push(event.explanation);
    this.hasStopped = this.text.push(event.id);
    yield { index, text: this.text.take(), ...token };
    if (this.hasStopped) yield this.end("stop");
  }

  private end(reason: EndReason): AnswerPiece {
    const text = this.text.finish();
    const explanations = this.isExplained && { explanations: this.explanations };
    return { index: this.index, text, answer: { ...this.text.answer(reason), ...explanations } };
  }
}

function toRequest(prompts: Prompts, method: Method, index: number, options: AnswerOptions): DecodeRequest {
  const { maxNewTokens = 128, explain = false, reportRows = false, beforeToken } = options;
  return {
    ...prompts,
    method,
    choose: createChooser(options),
    maxNewTokens,
    explain,
    reportRows,
    ...(beforeToken && { beforeToken: (generated) => beforeToken(generated, index) }),
  };
}
