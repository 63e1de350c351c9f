import { EvaluationError } from "../../errors.js";
import { meanOf } from "../../statistics/bootstrap.js";
import type { Scorer } from "../scorer.js";
import {
  type ComputedPreferenceName,
  computedPreferences,
  isComputedPreference,
  scorePreference,
} from "./preferences.js";
import { refuses, repetition, sharedWords } from "./quality.js";
import { wordsOf } from "./text-parts.js";

export type QualityScore = "fluency" | "relevance" | "compliance";
export type ComputedScore = "preference" | QualityScore;

/**
 * Scores answers of a real model under preferences that can be checked: `preference` by the preference's own
 * definition; `fluency`, 1 − repetition of runs of four words, and 0 for an empty answer; `relevance`, the question's
 * words that come up; `compliance`, 1 unless it refuses.
 *
 * @param names from a preference's sentence to the name of its definition, or of its parts' definitions: their mean counts
 */
export function computedScorer(
  names: Readonly<Record<string, string | readonly string[]>>,
): Scorer<ComputedScore> {
  for (const name of Object.values(names).flat())
    if (!isComputedPreference(name)) throw unknownPreference(name);
  return {
    names: ["preference", ...qualityScorer.names],
    score: (answer, { question, preference }) => ({
      preference: meanOf(
        [names[preference]!].flat().map((name) => scorePreference(answer, name as ComputedPreferenceName)),
      ),
      ...scoreQuality(answer, question),
    }),
  };
}

/** The same without `preference`: for preferences that nothing but a reward model or a judge can tell. */
export const qualityScorer: Scorer<QualityScore> = {
  names: ["fluency", "relevance", "compliance"],
  score: (answer, { question }) => scoreQuality(answer, question),
};

function scoreQuality(answer: string, question: string): Record<QualityScore, number> {
  return {
    fluency: wordsOf(answer).length === 0 ? 0 : 1 - repetition(answer),
    relevance: sharedWords(answer, question),
    compliance: 1 - refuses(answer),
  };
}

function unknownPreference(name: string): EvaluationError {
  return new EvaluationError(
    "bad-score",
    `No score is computed for the preference ${JSON.stringify(name)}; there are: ${Object.keys(computedPreferences).join(", ")}. ` +
      "Name the preference after one of them, whatever its sentence says.",
  );
}
