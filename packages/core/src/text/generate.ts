/** From a question and a preference to streamed text. */

import { createChooser, type SamplingOptions } from "../decode/choose.js";
import { type Change, type DecodeEvent, type DecodeRequest, decode } from "../decode/decode.js";
import type { Prompts } from "../decode/prompts.js";
import type { ExplainOptions, Explanation } from "../explain/explain.js";
import { amuletMethod, type Method } from "../methods/method.js";
import type { PrefillOptions } from "../port/prefill.js";
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
    /** Default: Amulet with the paper's parameters. */
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
  readonly explanation?: Explanation;
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
  const { method = amuletMethod(), beforeToken, ...rest } = options;
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

/** Answers with several methods side by side, in one batch; every method draws from the same seed. */
export async function* answerPrompts(
  model: ChatModel,
  prompts: Prompts,
  methods: readonly Method[],
  options: AnswerOptions = {},
): AsyncGenerator<AnswerPiece, void, void> {
  const texts = methods.map(() => new TextUntilStop(model.textStream(), options.stop ?? []));
  const requests = methods.map((method, index) => ({
    ...toRequest(prompts, method, index, options),
    stopAfter: (id: number) => texts[index]!.push(id),
  }));
  const { signal, onProgress } = options;
  const explanations: Explanation[][] = methods.map(() => []);
  const events = decode(model, requests, { ...(signal && { signal }), ...(onProgress && { onProgress }) });
  for await (const event of events) {
    if (event.type === "token" && event.explanation) explanations[event.request]!.push(event.explanation);
    yield toPiece(event, texts[event.request]!, options.explain ? explanations[event.request] : undefined);
  }
}

function toRequest(prompts: Prompts, method: Method, index: number, options: AnswerOptions): DecodeRequest {
  const { maxNewTokens = 128, explain = false, beforeToken } = options;
  return {
    ...prompts,
    method,
    choose: createChooser(options),
    maxNewTokens,
    explain,
    ...(beforeToken && { beforeToken: (generated) => beforeToken(generated, index) }),
  };
}

function toPiece(
  event: DecodeEvent,
  text: TextUntilStop,
  explanations: readonly Explanation[] | undefined,
): AnswerPiece {
  if (event.type === "token") {
    const { request: index, type: _, ...token } = event;
    return { index, text: text.take(), ...token };
  }
  const last = text.finish();
  const answer = { ...text.answer(event.reason), ...(explanations && { explanations }) };
  return { index: event.request, text: last, answer };
}
