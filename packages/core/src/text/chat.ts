/** Chat models, as `generate` sees them: a language model with its tokenizer and chat template behind an interface. */
import { checkFields, oneOf, optional, text } from "../port/given.js";
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
  textStream(): TextStream;
}

interface Asked {
  readonly question: string;
  readonly system?: string;
  /** Where the preference stands: after the question (the authors' way, the default) or in the system message. */
  readonly preferenceIn?: "question" | "system";
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
  const { question, preference, negativePrompt = "", system, preferenceIn = "question" } = asked;
  const chat = (words: string): ChatMessage[] => {
    const [content, systemText] =
      preferenceIn === "system" ? [question, joinTexts(system, words)] : [joinTexts(question, words), system];
    return [
      ...(systemText ? [{ role: "system", content: systemText } as const] : []),
      { role: "user", content },
    ];
  };
  return { base: chat(negativePrompt), preference: chat(preference) };
}

/** What any question is made of. */
export const askedKinds = {
  question: text,
  negativePrompt: optional(text),
  system: optional(text),
  preferenceIn: optional(oneOf("question", "system")),
};

function joinTexts(...texts: (string | undefined)[]): string {
  return texts.filter(Boolean).join(" ");
}
