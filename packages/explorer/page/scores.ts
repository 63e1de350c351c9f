/** What the grammar of the embedded model's language says of an answer. A chunk of its own: nothing needs it at first. */
import { judgeAnswer } from "@amulet-ts/lab/scores";
import { texts } from "./texts.js";

export function scoresOf(text: string, question: string, preference: string): string {
  const judged = judgeAnswer(text, question, preference);
  return texts.ask.scores(judged.grammaticality, judged.relevance, judged.preference);
}
