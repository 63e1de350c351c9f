/** From the prompt options to the two prompts that a model reads. */
import {
  type ChatMessage,
  type Method,
  type PromptPair,
  preferenceChats,
  type Question,
  renderQuestion,
} from "@amulet-ts/core";
import type { Model } from "@amulet-ts/models";
import type { Invocation } from "./command.js";
import { usageError } from "./errors.js";
import type { OptionValues } from "./options.js";

type Reads = Method["reads"];

/** What is asked: in words, or as the ids of both prompts. */
export type Asked =
  | { readonly kind: "question"; readonly question: Question }
  | { readonly kind: "ids"; readonly prompts: PromptPair };

export interface ReadPrompts {
  readonly prompts: PromptPair;
  /** What the model's chat template did without being asked for. */
  readonly note?: string;
}

/**
 * Checks what can be checked before a model is loaded.
 *
 * @param reads the prompts that the method needs; the other one may be missing
 * @throws CliError `usage`
 */
export async function readAsked({ values, question, io }: Invocation, reads: Reads): Promise<Asked> {
  if (values["base-ids"] !== undefined || values["preference-ids"] !== undefined) {
    if (question !== undefined) {
      throw usageError("Give a question or --base-ids and --preference-ids, not both.");
    }
    return { kind: "ids", prompts: readIds(values, reads) };
  }
  const asked = question === "-" ? (await io.readInput()).trim() : question;
  return { kind: "question", question: readQuestion(asked, values, reads) };
}

function readIds(values: OptionValues, reads: Reads): PromptPair {
  const { "base-ids": base = [], "preference-ids": preference = [] } = values;
  if (reads !== "preference" && base.length === 0) throw missingIds("base-ids");
  if (reads !== "base" && preference.length === 0) throw missingIds("preference-ids");
  return { base, preference };
}

function missingIds(name: string) {
  return usageError(`--${name} is missing: prompts are given as token ids both, or neither.`);
}

function readQuestion(question: string | undefined, values: OptionValues, reads: Reads): Question {
  if (question === undefined) {
    throw usageError(
      "The question is missing: put it in quotes after the command, or write - to read it from standard input.",
    );
  }
  if (question.trim() === "") throw usageError("The question is empty: ask something.");
  const { preference = "", system, "preference-in": preferenceIn } = values;
  if (preference.trim() === "" && reads !== "base") {
    throw usageError(
      `The preference is ${values.preference === undefined ? "missing" : "empty"}: ` +
        'state what the answer shall be like, such as --preference "Your answer should be concise."',
    );
  }
  return {
    question,
    preference,
    ...(system !== undefined && { system }),
    ...(preferenceIn !== undefined && { preferenceIn }),
  };
}

/** Both prompts as the model reads them. */
export function renderPrompts(model: Model, asked: Asked): ReadPrompts {
  if (asked.kind === "ids") return { prompts: asked.prompts };
  if (asked.question.preference.trim() === "") return renderBase(model, asked.question);
  const { base, preference } = renderQuestion(model, asked.question);
  return {
    prompts: { base: base.ids, preference: preference.ids },
    ...(preference.note !== undefined && { note: preference.note }),
  };
}

/** No preference was stated and none is read. */
function renderBase(model: Model, question: Question): ReadPrompts {
  const { ids, note } = model.renderChat(preferenceChats(question).base);
  return { prompts: { base: ids, preference: [] }, ...(note !== undefined && { note }) };
}

/** The preference chat for people, with the part that states the preference marked. */
export function showChat(messages: readonly ChatMessage[], mark: (content: string) => string): string {
  return messages
    .map(({ role, content }) => (messages.length === 1 ? mark(content) : `${role}: ${mark(content)}`))
    .join("\n");
}
