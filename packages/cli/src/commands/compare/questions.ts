/** What `compare` asks: the caller's question, or three of the lab's with a preference each. */
import { type PreferenceName, preferenceSentenceOf } from "@amulet-ts/lab";
import type { Invocation } from "../../command.js";
import { type Asked, readAsked } from "../../options/prompts.js";
import type { CompareValues } from "./command.js";

/** Asked where no question is given. None of them is in the embedded model's training with its preference. */
const samples: readonly { readonly question: string; readonly preference: PreferenceName }[] = [
  { question: "How do I make a cup of tea?", preference: "uplifting" },
  { question: "How do I cook rice without a mess?", preference: "concise" },
  { question: "How do I write better emails?", preference: "formal" },
];

/** Stated where a question is given without one. */
const usualPreference: PreferenceName = "concise";

/** @throws CliError `usage` */
export async function readQuestions(invocation: Invocation<CompareValues>): Promise<Asked[]> {
  const { values, question } = invocation;
  if (values["base-ids"] || values["preference-ids"]) return [await readAsked(invocation, "both")];
  if (question !== undefined) return [await readWith(invocation, question, usualPreference)];
  return Promise.all(samples.map((sample) => readWith(invocation, sample.question, sample.preference)));
}

function readWith(
  invocation: Invocation<CompareValues>,
  question: string,
  preference: PreferenceName,
): Promise<Asked> {
  const { preference: stated = [preferenceSentenceOf(preference)] } = invocation.values;
  return readAsked({ ...invocation, question, values: { ...invocation.values, preference: stated } }, "both");
}
