/**
 * The rule by which the study picks a method's best strength, laid down before any curve was seen: of the settings
 * that keep the language whole, the one that follows the preference most. It looks at pairs of its own; what is
 * reported of its choice comes from the others.
 */
import { chooseSetting, type SettingSummary } from "@amulet-ts/eval";
import type { LabScore } from "../scores/scorer.js";
import type { Measure } from "./measures.js";

/** What "keeps the language whole" means, in means over the choosing pairs. */
export const choiceRule = {
  /** At least this grammatical; stricter than what is claimed afterwards, since a choice at the edge may fall over it. */
  leastGrammaticality: 0.98,
  /** At most this much less on topic than the preference prompt alone. */
  mostRelevanceLoss: 0.02,
} as const;

type Summary = SettingSummary<LabScore>;

/**
 * @param candidates settings of one method in ascending order, on the choosing pairs
 * @param preferencePrompt the preference prompt alone on the same pairs
 * @returns the first of the best, or undefined where none keeps the language whole
 */
export function chooseStrength(
  candidates: readonly Summary[],
  preferencePrompt: Summary,
): Summary | undefined {
  const { leastGrammaticality, mostRelevanceLoss } = choiceRule;
  const floors = {
    grammaticality: leastGrammaticality,
    relevance: preferencePrompt.relevance.mean - mostRelevanceLoss,
  };
  return chooseSetting<Measure, Summary>(candidates, { most: "preference", floors });
}
