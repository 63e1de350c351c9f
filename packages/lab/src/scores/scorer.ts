/** The world's scores as an evaluation asks for them. */
import type { Scorer } from "@amulet-ts/eval";
import { LabError } from "../errors.js";
import { preferenceNames, preferenceOfSentence } from "../world/preferences.js";
import { score } from "./score.js";

export type LabScore = "grammaticality" | "relevance" | "preference";

/**
 * Scores an answer to a question of the world under one of the eight preferences, stated by its sentence.
 *
 * @throws LabError `unknown-question`, `unknown-preference`
 */
export const labScorer: Scorer<LabScore> = {
  names: ["grammaticality", "relevance", "preference"],
  score(answer, { question, preference }) {
    const name = preferenceOfSentence(preference);
    if (name === undefined) throw unknownPreference(preference);
    return score(answer, question, name);
  },
};

function unknownPreference(sentence: string): LabError {
  return new LabError(
    "unknown-preference",
    `The lab's scores need a preference as its world states one, "Your answer should be concise.", and got ` +
      `${JSON.stringify(sentence)}; there are: ${preferenceNames.join(", ")}.`,
  );
}
