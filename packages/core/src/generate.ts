/** From a question and a preference to streamed text. */
import { type ChatModel, type ChatPrompt, preferenceChats, type Question } from "./chat.js";
import { createChooser, type SamplingOptions } from "./choose.js";
import { type DecodeRequest, decode } from "./decode.js";
import { CoreError } from "./errors.js";
import { amuletMethod, type Method } from "./method.js";
import type { PrefillOptions } from "./prefill.js";
import type { TokenRow } from "./session.js";
import { TextUntilStop } from "./text-until-stop.js";

export interface AnswerOptions extends SamplingOptions, PrefillOptions {
  /** Default 128, as in the paper's evaluation. */
  readonly maxNewTokens?: number;
  /** Texts that end an answer; they are not part of it. */
  readonly stop?: readonly string[];
}

export interface GenerateOptions extends Question, AnswerOptions {
  /** Default: Amulet with the paper's parameters. */
  readonly method?: Method;
}

/** One answer, complete. */
export interface Answer {
  readonly text: string;
  /** Token ids, without the end token. */
  readonly ids: readonly number[];
  readonly finishReason: "stop" | "length";
}

/** A piece of an answer. `text` is empty while a token has completed no character yet. */
export interface AnswerPiece {
  /** Which of the methods it belongs to. */
  readonly index: number;
  readonly text: string;
  readonly id?: number;
  readonly logProbability?: number;
  readonly gamma?: number;
  /** With the last piece of an answer: all of it. */
  readonly answer?: Answer;
}

/** The two prompts as the model reads them. */
export interface PromptPair {
  readonly base: TokenRow;
  readonly preference: TokenRow;
}

/** Renders both chats of a question. @throws CoreError `bad-request` for an empty question or preference */
export function renderQuestion(
  model: ChatModel,
  question: Question,
): { base: ChatPrompt; preference: ChatPrompt } {
  if (question.question.trim() === "")
    throw new CoreError("bad-request", "The question is empty: ask something.");
  if (question.preference.trim() === "") {
    throw new CoreError(
      "bad-request",
      'The preference is empty: state one, such as "Your answer should be concise."',
    );
  }
  const chats = preferenceChats(question);
  return { base: model.renderChat(chats.base), preference: model.renderChat(chats.preference) };
}

/**
 * Answers one question under a stated preference, piece by piece. The last piece carries the whole answer.
 *
 * @throws CoreError `bad-request`, `bad-strength`, `bad-sampling`, `context-overflow`, `not-finite`, `aborted`
 */
export async function* generate(
  model: ChatModel,
  { method = amuletMethod(), ...options }: GenerateOptions,
): AsyncGenerator<AnswerPiece, void, void> {
  const { base, preference } = renderQuestion(model, options);
  yield* answerPrompts(model, { base: base.ids, preference: preference.ids }, [method], options);
}

/** Answers with several methods side by side, in one batch; every method draws from the same seed. */
export async function* answerPrompts(
  model: ChatModel,
  prompts: PromptPair,
  methods: readonly Method[],
  { maxNewTokens = 128, stop = [], signal, onProgress, ...sampling }: AnswerOptions = {},
): AsyncGenerator<AnswerPiece, void, void> {
  const texts = methods.map(() => new TextUntilStop(model.textStream(), stop));
  const requests = methods.map((method, index): DecodeRequest => {
    const choose = createChooser(sampling);
    return { ...prompts, method, choose, maxNewTokens, stopAfter: (id) => texts[index]!.push(id) };
  });
  const options = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  for await (const event of decode(model, requests, options)) {
    const text = texts[event.request]!;
    if (event.type === "end") {
      yield { index: event.request, text: text.finish(), answer: text.answer(event.reason) };
    } else {
      const { request: index, type: _, ...token } = event;
      yield { index, text: text.take(), ...token };
    }
  }
}
