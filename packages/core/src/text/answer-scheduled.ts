/** Text from a scheduler: an answer among those of others. */
import type { Choose } from "../decode/choose.js";
import type { Prompts } from "../decode/prompts.js";
import type { Method } from "../methods/method.js";
import { chatModel, checkGiven, record } from "../port/given.js";
import type { ScheduledAnswer, ScheduledAnswerOptions } from "../schedule/scheduled-answer.js";
import type { Scheduler } from "../schedule/scheduler.js";
import type { ChatModel } from "./chat.js";
import {
  type AnswerOptions,
  type AnswerPiece,
  checkAnswerOptions,
  createRequest,
  GrowingAnswer,
} from "./growing-answer.js";
import { TextUntilStop } from "./text-until-stop.js";

export interface ScheduledTextOptions extends Omit<AnswerOptions, "onProgress">, ScheduledAnswerOptions {
  /** Chooses every token in place of the sampling options. */
  readonly choose?: Choose;
}

/**
 * Like `answerPrompts` for one method, beside whatever else a scheduler answers. The answer has its place when this returns;
 * leaving the loop over its pieces sends it away, and so does the signal where nobody has begun to iterate.
 *
 * @param model the scheduler's
 * @throws CoreError `queue-full`, `bad-request`, `bad-strength`, `bad-sampling`, `context-overflow`, `not-covered`, at once; what
 *   else concerns the answer, when its pieces are read
 */
export function answerScheduled(
  scheduler: Scheduler,
  model: ChatModel,
  prompts: Prompts,
  method: Method,
  options: ScheduledTextOptions = {},
): AsyncGenerator<AnswerPiece, void, void> {
  checkGiven(model, chatModel, "The model");
  checkGiven(prompts, record, "The prompts");
  checkAnswerOptions(options);
  const { signal, onPlace, choose, stop = [], explain = false } = options;
  const text = new TextUntilStop(model.textStream(), stop);
  const answer = scheduler.answer(createRequest(prompts, method, 0, options, choose), {
    ...(signal && { signal }),
    ...(onPlace && { onPlace }),
  });
  return readPieces(answer, new GrowingAnswer(0, text, Boolean(explain)));
}

async function* readPieces(
  answer: ScheduledAnswer,
  growing: GrowingAnswer,
): AsyncGenerator<AnswerPiece, void, void> {
  for await (const event of answer) {
    yield* growing.take(event);
    if (growing.hasStopped) return;
  }
}
