/** Chat models, as `generate` sees them: a language model with its tokenizer and chat template behind an interface. */
import { CoreError } from "../errors.js";
import type { Steps } from "../port/event-loop.js";
import { checkFields, checkGiven, listOf, oneOf, optional, record, text } from "../port/given.js";
import type { LanguageModel } from "../port/session.js";

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A chat as the model reads it. */
export interface ChatPrompt {
  /** The text, control tokens spelled out; for people. */
  readonly prompt: string;
  readonly ids: readonly number[];
  /** One line where something was done without being asked for, such as a missing template. */
  readonly note?: string;
}

/** Turns tokens into text as they come; never shows half a character. */
export interface TextStream {
  push(id: number): string;
  /** What is left at the end of an answer. */
  flush(): string;
}

export interface ChatModel extends LanguageModel {
  /** Renders a chat with the model's template, ready for an answer. */
  renderChat(messages: readonly ChatMessage[]): ChatPrompt;
  /** The same in steps, between which others have their turn ({@link takeTurns}). Absent where it can't be left in the middle. */
  renderChatSteps?(messages: readonly ChatMessage[]): Steps<ChatPrompt>;
  textStream(): TextStream;
}

export type PreferencePlace = "question" | "system";

interface Asked {
  readonly question: string;
  readonly system?: string;
  /** Where the preference stands: after the question (the authors' way, the default) or in the system message. */
  readonly preferenceIn?: PreferencePlace;
  /**
   * Stands in the base chat where the preference stands in the other: what the answer moves away from, such as the
   * opposite of the preference, or the system message that it shall get the better of.
   */
  readonly negativePrompt?: string;
}

/** A question and how it shall be answered. */
export interface Question extends Asked {
  /** What this user likes, as a sentence: "Your answer should be concise." */
  readonly preference: string;
}

/** One preference of several. */
export interface WeightedPreference {
  /** A sentence: "Your answer should be concise." */
  readonly text: string;
  /** How much it counts, 1 by default; below 0, the answer moves away from it. */
  readonly weight?: number;
}

/** A question and several wishes for its answer. Each is a chat of its own; what they share is the base chat. */
export interface WeightedQuestion extends Asked {
  readonly preferences: readonly WeightedPreference[];
}

/** The two chats: they differ by the preference alone, and by the negative prompt where there is one. */
export function preferenceChats(asked: Question) {
  checkFields(asked, { ...askedKinds, preference: text }, "the question");
  const { question, preference, negativePrompt = "", system, preferenceIn } = asked;
  const chat: ChatMessage[] = [
    ...(system ? [{ role: "system", content: system } as const] : []),
    { role: "user", content: question },
  ];
  return {
    base: addToChat(chat, negativePrompt, preferenceIn),
    preference: addToChat(chat, preference, preferenceIn),
  };
}

/**
 * A chat of any length with some words more, such as a preference: behind its last question, or in its system message,
 * which is put in front where there is none. No words leave it as it is.
 *
 * @throws CoreError `bad-request` where the words belong to a question and there is none
 */
export function addToChat(
  messages: readonly ChatMessage[],
  words: string,
  place: PreferencePlace = "question",
): ChatMessage[] {
  checkGiven(messages, listOf(record), "The messages");
  for (const message of messages) checkFields(message, { role: text, content: text }, "the message");
  checkGiven(words, text, "What is added to the chat");
  checkGiven(place, placeKind, "The place in the chat");
  if (words === "") return [...messages];
  const role = place === "system" ? "system" : "user";
  const at = messages.findLastIndex((message) => message.role === role);
  if (at < 0 && place === "system") return [{ role, content: words }, ...messages];
  if (at < 0)
    throw new CoreError(
      "bad-request",
      "The chat has no message of the user, behind which the preference belongs.",
    );
  const { content } = messages[at]!;
  return messages.with(at, { role, content: joinTexts(content, words) });
}

const placeKind = oneOf("question", "system");

/** What any question is made of. */
export const askedKinds = {
  question: text,
  negativePrompt: optional(text),
  system: optional(text),
  preferenceIn: optional(placeKind),
};

function joinTexts(...texts: (string | undefined)[]): string {
  return texts.filter(Boolean).join(" ");
}
