/** From a question and a preference to streamed text. */

import { Decoder } from "../decode/decoder.js";
import type { Prompts } from "../decode/prompts.js";
import type { Change } from "../decode/request.js";
import { CoreError } from "../errors.js";
import { boundedMethod } from "../methods/bounded.js";
import type { Method } from "../methods/method.js";
import { callback, chatModel, checkFields, checkGiven, list, optional, record } from "../port/given.js";
import type { ChatModel, Question, WeightedPreference, WeightedQuestion } from "./chat.js";
import {
  type AnswerOptions,
  type AnswerPiece,
  type CommonOptions,
  checkAnswerOptions,
  createRequest,
  GrowingAnswer,
} from "./growing-answer.js";
import { renderPrompts } from "./render-question.js";
import { TextUntilStop } from "./text-until-stop.js";

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
  checkAnswerOptions(options);
  if (methods.length === 0)
    throw new CoreError("bad-request", "There is no method to answer with: give at least one.");
  const { signal, onProgress, stop = [], explain = false } = options;
  const decoder = new Decoder(model, { ...(signal && { signal }), ...(onProgress && { onProgress }) });
  try {
    const answers = methods.map((method, index) => {
      decoder.join(createRequest(prompts, method, index, options));
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
