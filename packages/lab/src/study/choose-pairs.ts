/** Which questions and preferences a study asks. */
import { type RandomStream, xoshiro128 } from "@amulet-ts/core";
import { LabError } from "../errors.js";
import { heldOutPairs, sampleExamples } from "../world/corpus.js";
import type { QuestionPair } from "../world/example.js";

export interface StudyPairs {
  /** Reported: held out from training and validation. */
  readonly reported: readonly QuestionPair[];
  /** Choose the strength: of the validation split, so that no pair is in both lists. */
  readonly choosing: readonly QuestionPair[];
}

/** The order of the pairs is the study's, not the run's: a run of fewer pairs asks the first of the same list. */
const orderSeed = 20260224;

/**
 * The first `count` of the held-out pairs in a fixed random order, and half as many of the validation pairs.
 *
 * @param count a whole number of at least 1, at most the number of held-out pairs
 * @throws LabError `bad-plan`
 */
export function choosePairs(count: number): StudyPairs {
  const all = heldOutPairs();
  if (!Number.isInteger(count) || count < 1 || count > all.length) {
    throw new LabError(
      "bad-plan",
      `A study reports on 1 to ${all.length} pairs, the held-out ones; ${count} were asked for.`,
    );
  }
  return {
    reported: shuffle(all, xoshiro128(orderSeed)).slice(0, count),
    choosing: validationPairs(Math.ceil(count / 2)),
  };
}

/** Distinct pairs of the validation split, in the order in which its examples bring them. */
function validationPairs(count: number): QuestionPair[] {
  const found = new Map<string, QuestionPair>();
  for (const { question, preference } of sampleExamples(orderSeed, "validation")) {
    if (preference) found.set(`${preference} ${question}`, { question, preference });
    if (found.size === count) break;
  }
  return [...found.values()];
}

/** Fisher and Yates. */
function shuffle<T>(list: readonly T[], random: RandomStream): T[] {
  const shuffled = [...list];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}
