/** How much of each policy was given, where that is not all. */
import * as tf from "@tensorflow/tfjs-core";
import type { LogProbabilities, SeenMass } from "../port/log-probabilities.js";
import type { LanguageModel } from "../port/session.js";
import { takeValues } from "../port/take-values.js";
import { areGiven, describeGiven, type GivenRow, maskedRows } from "../port/weighed-rows.js";
import type { AnswerInProgress } from "./answer-in-progress.js";
import { notCovered } from "./coverage.js";

/** A row of the last pass, as far as it was given. */
export interface SeenRow extends GivenRow {
  /** Of all given tokens. */
  readonly mass: number;
}

/** What an answer's rows were given: its base prompt's first where that is read beside others. */
export function seenRowsOf(answer: AnswerInProgress, rows: readonly SeenRow[]): readonly SeenRow[] {
  return answer.sharedRows.map(({ place }) => rows[place]!);
}

/**
 * What was seen of an answer's two policies; one value of several preferences is the least.
 *
 * @param own the answer's rows
 * @throws CoreError `not-covered` where the method's mask reaches tokens that were not given
 */
export function readSeen(answer: AnswerInProgress, own: readonly SeenRow[], model: LanguageModel): SeenMass {
  checkMask(answer, own, model);
  const preferences = maskedRows(own);
  return { base: own[0]!.mass, preference: Math.min(...preferences.map(({ mass }) => mass)) };
}

/** Each row; nothing where nothing is missing. */
export async function readGiven(given: LogProbabilities): Promise<SeenRow[] | undefined> {
  const { logs_RC, logRest_R1, mostOfRest_R } = given;
  if (!logRest_R1) return undefined;
  const [rests, logs] = await takeValues(tf.clone(logRest_R1), tf.clone(logs_RC));
  const C = logs_RC.shape[1];
  return Array.from(rests, (rest, r) => ({
    mass: 1 - Math.exp(rest),
    logMost: rest + (mostOfRest_R?.[r] ?? 0),
    logs_C: logs.subarray(r * C, (r + 1) * C),
  }));
}

/** @throws CoreError `not-covered` where a mask may keep a token that is not given, or not after both prompts */
function checkMask(
  { currentMethod: { name, needs, reads } }: AnswerInProgress,
  own: readonly SeenRow[],
  model: LanguageModel,
): void {
  if (typeof needs !== "object") return;
  const base = reads === "both" && own.length > 1 ? own[0] : undefined;
  if (maskedRows(own).every((row) => areGiven(needs, describeGiven(row, base)))) return;
  throw notCovered(
    model,
    `the mask of ${name} may keep more than the ${own[0]!.logs_C.length} tokens that came. Ask for more candidates`,
  );
}
