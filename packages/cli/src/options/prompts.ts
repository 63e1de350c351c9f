/** From the prompt options to the two prompts that a model reads. */
import {
  type ChatMessage,
  type ChatModel,
  type Method,
  preferenceChats,
  type RenderedPrompts,
  renderPrompts as renderQuestion,
  type WeightedPreference,
  type WeightedQuestion,
} from "@amulet-ts/core";
import type { Invocation } from "../command.js";
import { usageError } from "../errors.js";
import type { PromptValues } from "./shared.js";

type Reads = Method["reads"];

/** A question in words; it has no preferences where none is read. */
export interface AskedQuestion extends WeightedQuestion {
  readonly preferences: readonly Required<WeightedPreference>[];
}

/** The prompts as token ids, with the weight of each preference. */
export type TokenPrompts = Omit<RenderedPrompts, "note">;

/** What is asked: in words, or as the ids of both prompts. */
export type Asked =
  | { readonly kind: "question"; readonly question: AskedQuestion }
  | { readonly kind: "ids"; readonly prompts: TokenPrompts };

export interface ReadPrompts {
  readonly prompts: TokenPrompts;
  /** What the model's chat template did without being asked for. */
  readonly note?: string;
}

/**
 * Checks what can be checked before a model is loaded.
 *
 * @param reads the prompts that the method needs; the other one may be missing
 * @throws CliError `usage`
 */
export async function readAsked(
  { values, question, io }: Invocation<PromptValues>,
  reads: Reads,
): Promise<Asked> {
  if (values["base-ids"] !== undefined || values["preference-ids"] !== undefined) {
    if (question !== undefined) {
      throw usageError("Give a question or --base-ids and --preference-ids, not both.");
    }
    return { kind: "ids", prompts: readIds(values, reads) };
  }
  const asked = question === "-" ? (await io.readInput()).trim() : question;
  return { kind: "question", question: readQuestion(asked, values, reads) };
}

function readIds(values: PromptValues, reads: Reads): TokenPrompts {
  const { "base-ids": base = [], "preference-ids": preference = [] } = values;
  if (reads !== "preference" && base.length === 0) throw missingIds("base-ids");
  if (reads !== "base" && preference.length === 0) throw missingIds("preference-ids");
  if (values.preference !== undefined) {
    throw usageError("Give preferences in words or as --preference-ids, not both.");
  }
  if (values["negative-prompt"] !== undefined) {
    throw usageError("Give the negative prompt in words or as --base-ids, not both.");
  }
  return { base, preferences: preference.length === 0 ? [] : [{ tokens: preference, weight: 1 }] };
}

function missingIds(name: string) {
  return usageError(`--${name} is missing: prompts are given as token ids both, or neither.`);
}

function readQuestion(question: string | undefined, values: PromptValues, reads: Reads): AskedQuestion {
  if (question === undefined) {
    throw usageError(
      "The question is missing: put it in quotes after the command, or write - to read it from standard input.",
    );
  }
  if (question.trim() === "") throw usageError("The question is empty: ask something.");
  const { system, "preference-in": preferenceIn, "negative-prompt": negativePrompt } = values;
  if (negativePrompt?.trim() === "") {
    throw usageError(
      'The --negative-prompt is empty: say what the base prompt shall, such as "Be long-winded."',
    );
  }
  return {
    question,
    preferences: readPreferences(values, reads),
    ...(system !== undefined && { system }),
    ...(preferenceIn !== undefined && { preferenceIn }),
    ...(negativePrompt !== undefined && { negativePrompt }),
  };
}

/** An empty preference is none, for a method that reads none. */
function readPreferences(values: PromptValues, reads: Reads): Required<WeightedPreference>[] {
  const { preference: stated = [], weight: weights = [] } = values;
  const preferences = stated.map((text, k) => ({ text, weight: weights[k] ?? 1 }));
  const isFull = preferences.length > 0 && preferences.every(({ text }) => text.trim() !== "");
  if (isFull || reads === "base") return preferences.filter(({ text }) => text.trim() !== "");
  throw usageError(
    `The preference is ${stated.length === 0 ? "missing" : "empty"}: ` +
      'state what the answer shall be like, such as --preference "Your answer should be concise."',
  );
}

/** All prompts as the model reads them. */
export function renderPrompts(model: ChatModel, asked: Asked): ReadPrompts {
  if (asked.kind === "ids") return { prompts: asked.prompts };
  const { question } = asked;
  const { note, ...prompts } = renderQuestion(
    model,
    question,
    question.preferences.length > 0 ? "both" : "base",
  );
  return { prompts, ...(note !== undefined && { note }) };
}

/** The base chat and the one with a preference. */
export function chatsWith({ preferences: _, ...asked }: AskedQuestion, preference: string) {
  return preferenceChats({ ...asked, preference });
}

/** Tokens of the base prompt, and of all preference prompts together. */
export function countTokens({ prompts: { base, preferences } }: ReadPrompts) {
  return {
    base: base.length,
    preference: preferences.reduce((sum, { tokens }) => sum + tokens.length, 0),
  };
}

/** The preferences and the negative prompt in words, for JSON. */
export function describePreferences(asked: Asked) {
  if (asked.kind !== "question") return {};
  const { preferences, negativePrompt } = asked.question;
  return { preferences, ...(negativePrompt !== undefined && { negativePrompt }) };
}

/** The preference chat for people, with the part that states the preference marked. */
export function showChat(messages: readonly ChatMessage[], mark: (content: string) => string): string {
  return messages
    .map(({ role, content }) => (messages.length === 1 ? mark(content) : `${role}: ${mark(content)}`))
    .join("\n");
}
