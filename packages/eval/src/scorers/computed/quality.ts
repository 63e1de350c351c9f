/** What is wrong with an answer whatever was asked: it repeats itself, it refuses. */
import { sentencesOf, shareOf, wordsOf } from "./text-parts.js";

/** Share of the runs of four words that the text had before, 0 for texts of fewer than four words. */
export function repetition(text: string): number {
  const words = wordsOf(text.toLowerCase());
  const runs = words.slice(3).map((_, i) => words.slice(i, i + 4).join(" "));
  return runs.length === 0 ? 0 : 1 - new Set(runs).size / runs.length;
}

const refusal =
  /\b(?:i(?: am|['’]m) (?:sorry|afraid|unable|not able)|i (?:can(?:not|['’]t)|won['’]t|am not able to) (?:assist|help|answer|provide|comply|do that|fulfil)|i apologi[sz]e|as an ai(?: language)? model|i must decline|i (?:do not|don['’]t) have (?:access|the ability))\b/i;

/** 1 where the first two sentences have a phrase with which models refuse, else 0. */
export function refuses(text: string): number {
  return Number(refusal.test(sentencesOf(text).slice(0, 2).join(" ")));
}

/**
 * Share of the words of the question that count (four letters or more, no question words) that come up in the answer: a
 * word of it begins with the same five letters, or with the whole of a shorter one. 0 for a question without such words. It
 * tells answers that have left the subject from those that have not, and no more.
 */
export function sharedWords(answer: string, question: string): number {
  const said = wordsOf(answer.toLowerCase());
  const asked = wordsOf(question.toLowerCase()).filter((word) => word.length >= 4 && !plain.has(word));
  const wanted = [...new Set(asked.map((word) => word.slice(0, 5)))];
  return shareOf(wanted, (stem) => said.some((word) => word.startsWith(stem)));
}

const plain = new Set(
  "what when where which while with without does that this these those have should could would about from your their them there make makes before difference between".split(
    " ",
  ),
);
