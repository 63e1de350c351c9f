/** How much of each policy was given, where that is not all. */
import * as tf from "@tensorflow/tfjs-core";
import type { LogProbabilities, SeenMass } from "../port/log-probabilities.js";
import type { LanguageModel } from "../port/session.js";
import { takeValues } from "../port/take-values.js";
import { areGiven, maskedRows } from "../port/weighed-rows.js";
import type { AnswerInProgress } from "./answer-in-progress.js";
import { notCovered } from "./coverage.js";

/**
 * What was seen of each answer's two policies, where not all is; one value of several preferences is the least.
 *
 * @throws CoreError `not-covered` where a method's mask reaches tokens that were not given
 */
export async function readSeen(
  answers: readonly AnswerInProgress[],
  { logs_RC, logRest_R1, columns }: LogProbabilities,
  model: LanguageModel,
): Promise<ReadonlyMap<AnswerInProgress, SeenMass> | undefined> {
  if (!logRest_R1) return undefined;
  const [logRests, bests] = await takeValues(tf.clone(logRest_R1), tf.max(logs_RC, 1));
  const seen = new Map<AnswerInProgress, SeenMass>();
  for (const answer of answers) {
    const places = answer.sharedRows.map(({ place }) => place);
    const preferences = maskedRows(places);
    checkMask(
      answer,
      preferences.map((place) => [bests[place]!, logRests[place]!]),
      model,
      columns.count,
    );
    const massOf = (place: number) => 1 - Math.exp(logRests[place]!);
    seen.set(answer, { base: massOf(places[0]!), preference: Math.min(...preferences.map(massOf)) });
  }
  return seen;
}

/** Whether all tokens that a mask may keep are among the given ones. */
function checkMask(
  { currentMethod: { name, needs } }: AnswerInProgress,
  rows: readonly (readonly [best: number, logRest: number])[],
  model: LanguageModel,
  count: number,
): void {
  if (typeof needs !== "object") return;
  if (rows.every(([best, logRest]) => areGiven(needs, best, logRest))) return;
  throw notCovered(
    model,
    `the mask of ${name} may keep more than the ${count} tokens that came. Ask for more candidates`,
  );
}
