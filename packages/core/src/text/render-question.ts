/** From a question in words to the prompts that a model reads. */

import type { Prompts, WeightedPrompt } from "../decode/prompts.js";
import { CoreError } from "../errors.js";
import type { TokenRow } from "../port/session.js";
import {
  type ChatModel,
  type ChatPrompt,
  preferenceChats,
  type Question,
  type WeightedQuestion,
} from "./chat.js";

/** The two prompts as the model reads them. */
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
  checkText(question.question, "question", "ask something.");
  if (!("preferences" in question)) return renderChats(model, question);
  if ("preference" in question) {
    throw new CoreError(
      "bad-request",
      "The question has both a preference and preferences: give one of them.",
    );
  }
  const { preferences, ...asked } = question;
  if (preferences.length === 0) {
    throw new CoreError("bad-request", "The list of preferences is empty: state at least one.");
  }
  const rendered = preferences.map(({ text, weight = 1 }) => {
    const { base, preference } = renderChats(model, { ...asked, preference: text });
    return { base, chat: preference, weight };
  });
  return { base: rendered[0]!.base, preferences: rendered.map(({ chat, weight }) => ({ chat, weight })) };
}

function renderChats(model: ChatModel, question: Question): RenderedQuestion {
  checkText(question.preference, "preference", 'state one, such as "Your answer should be concise."');
  const chats = preferenceChats(question);
  return { base: model.renderChat(chats.base), preference: model.renderChat(chats.preference) };
}

/** The token ids of {@link renderQuestion}, as `decode` and `answerPrompts` take them. */
export function renderPrompts(
  model: ChatModel,
  question: Question | WeightedQuestion,
): Prompts & { readonly preferences: readonly WeightedPrompt[] } {
  if (!("preferences" in question)) {
    const { base, preference } = renderQuestion(model, question);
    return { base: base.ids, preferences: [{ tokens: preference.ids, weight: 1 }] };
  }
  const { base, preferences } = renderQuestion(model, question);
  return {
    base: base.ids,
    preferences: preferences.map(({ chat, weight }) => ({ tokens: chat.ids, weight })),
  };
}

function checkText(text: string, name: string, advice: string): void {
  if (text.trim() === "") throw new CoreError("bad-request", `The ${name} is empty: ${advice}`);
}
