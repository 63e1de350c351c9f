/** How much of each policy was given, where that is not all. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { LogProbabilities, SeenMass } from "../port/log-probabilities.js";
import type { LanguageModel } from "../port/session.js";
import { takeValues } from "../port/take-values.js";
import { areGiven, type GivenPolicy, maskedRows } from "../port/weighed-rows.js";
import type { AnswerInProgress } from "./answer-in-progress.js";
import { notCovered } from "./coverage.js";

/**
 * What was seen of an answer's two policies; one value of several preferences is the least.
 *
 * @param policies of each row, as `readGiven` tells
 * @throws CoreError `not-covered` where the method's mask reaches tokens that were not given
 */
export function readSeen(
  answer: AnswerInProgress,
  policies: readonly SeenPolicy[],
  model: LanguageModel,
  columnCount: number,
): SeenMass {
  const own = answer.sharedRows.map(({ place }) => policies[place]!);
  const preferences = maskedRows(own);
  checkMask(answer, preferences, model, columnCount);
  return { base: own[0]!.mass, preference: Math.min(...preferences.map(({ mass }) => mass)) };
}

export interface SeenPolicy extends GivenPolicy {
  /** Of all given tokens. */
  readonly mass: number;
}

/** Of each row; nothing where nothing is missing. */
export async function readGiven(given: LogProbabilities): Promise<SeenPolicy[] | undefined> {
  const { logs_RC, logRest_R1, mostOfRest_R } = given;
  if (!logRest_R1) return undefined;
  const { most_R1, above_R } = tf.tidy(() => {
    const [R] = logRest_R1.shape;
    const most_R1: Tensor2D = mostOfRest_R
      ? tf.add(logRest_R1, tf.tensor2d(Array.from(mostOfRest_R), [R, 1]))
      : tf.clone(logRest_R1);
    const above_RC = tf.mul(tf.exp(logs_RC), tf.step(tf.sub(logs_RC, most_R1)));
    return { most_R1, above_R: tf.sum(above_RC, 1) };
  });
  const [rests, bests, mosts, aboves] = await takeValues(
    tf.clone(logRest_R1),
    tf.max(logs_RC, 1),
    most_R1,
    above_R,
  );
  return Array.from(rests, (rest, r) => ({
    mass: 1 - Math.exp(rest),
    logBest: bests[r]!,
    logMost: mosts[r]!,
    massAbove: aboves[r]!,
  }));
}

/** @throws CoreError `not-covered` where a mask may keep a token that is not given */
function checkMask(
  { currentMethod: { name, needs } }: AnswerInProgress,
  policies: readonly GivenPolicy[],
  model: LanguageModel,
  count: number,
): void {
  if (typeof needs !== "object") return;
  if (policies.every((policy) => areGiven(needs, policy))) return;
  throw notCovered(
    model,
    `the mask of ${name} may keep more than the ${count} tokens that came. Ask for more candidates`,
  );
}
