/** From a question in words to the prompts that a model reads. */

import type { Prompts, WeightedPrompt } from "../decode/prompts.js";
import { CoreError } from "../errors.js";
import type { Method } from "../methods/method.js";
import {
  checkFields,
  checkGiven,
  chatModel as givenModel,
  text as givenText,
  listOf,
  oneOf,
  record,
} from "../port/given.js";
import type { TokenRow } from "../port/session.js";
import {
  askedKinds,
  type ChatModel,
  type ChatPrompt,
  preferenceChats,
  type Question,
  type WeightedQuestion,
} from "./chat.js";

/** The two prompts as the model reads them. @public */
export interface PromptPair {
  readonly base: TokenRow;
  readonly preference: TokenRow;
}

/** Both chats of a question, rendered. */
export interface RenderedQuestion {
  readonly base: ChatPrompt;
  readonly preference: ChatPrompt;
}

/** The chats of a question with several preferences, in their order. */
export interface RenderedWeightedQuestion {
  readonly base: ChatPrompt;
  readonly preferences: readonly { readonly chat: ChatPrompt; readonly weight: number }[];
}

/** Renders the chats of a question. @throws CoreError `bad-request` for an empty question or preference */
export function renderQuestion(model: ChatModel, question: Question): RenderedQuestion;
export function renderQuestion(model: ChatModel, question: WeightedQuestion): RenderedWeightedQuestion;
export function renderQuestion(
  model: ChatModel,
  question: Question | WeightedQuestion,
): RenderedQuestion | RenderedWeightedQuestion {
  checkGiven(model, givenModel, "The model");
  const { base, preferences } = renderChats(model, readQuestion(question, "both"));
  if ("preferences" in question) return { base, preferences };
  return { base, preference: preferences[0]!.chat };
}

/** A question as `decode` and `answerPrompts` take it. */
export interface RenderedPrompts extends Prompts {
  readonly preferences: readonly Required<WeightedPrompt>[];
  /** What the chat template did without being asked for. */
  readonly note?: string;
}

/**
 * The token ids of {@link renderQuestion}.
 *
 * @param reads which prompts will be read: where that is the base prompt alone, no preference need be stated
 */
export function renderPrompts(
  model: ChatModel,
  question: Question | WeightedQuestion,
  reads: Method["reads"] = "both",
): RenderedPrompts {
  checkGiven(model, givenModel, "The model");
  checkGiven(reads, oneOf("base", "preference", "both"), "What is read of the prompts");
  const { base, preferences } = renderChats(model, readQuestion(question, reads));
  const note = preferences[0]?.chat.note ?? base.note;
  return {
    base: base.ids,
    preferences: preferences.map(({ chat, weight }) => ({ tokens: chat.ids, weight })),
    ...(note !== undefined && { note }),
  };
}

/** One preference is a list of one. @throws CoreError `bad-request` */
function readQuestion(question: Question | WeightedQuestion, reads: Method["reads"]): WeightedQuestion {
  checkFields(question, askedKinds, "the question");
  checkText(question.question, "question", "ask something.");
  if (!("preferences" in question)) {
    const { preference, ...asked } = question;
    return { ...asked, preferences: [{ text: preference }] };
  }
  if ("preference" in question) {
    throw new CoreError(
      "bad-request",
      "The question has both a preference and preferences: give one of them.",
    );
  }
  checkGiven(question.preferences, listOf(record), "preferences of the question");
  if (question.preferences.length > 0 || reads === "base") return question;
  throw new CoreError("bad-request", "The list of preferences is empty: state at least one.");
}

/** The base chat is the same for all preferences, and is rendered once. */
function renderChats(
  model: ChatModel,
  { preferences, ...asked }: WeightedQuestion,
): RenderedWeightedQuestion {
  for (const { text } of preferences)
    checkText(text, "preference", 'state one, such as "Your answer should be concise."');
  const chatsWith = (preference: string) => preferenceChats({ ...asked, preference });
  return {
    base: model.renderChat(chatsWith("").base),
    preferences: preferences.map(({ text, weight = 1 }) => ({
      chat: model.renderChat(chatsWith(text).preference),
      weight,
    })),
  };
}

function checkText(text: string, name: string, advice: string): void {
  checkGiven(text, givenText, `The ${name}`);
  if (text.trim() === "") throw new CoreError("bad-request", `The ${name} is empty: ${advice}`);
}
