/**
 * Tokens of which one row was given and another not, from engines that give each row's most probable ones. Letters as in the
 * port: R positions, B answers, C columns.
 */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { impossible, leastPossible } from "../port/columns.js";
import type { LogProbabilities } from "../port/log-probabilities.js";

/**
 * Each row with the most that they may weigh in the place of tokens that it was not given: no more than the least of those
 * that it was, and no more than all that is missing. The rows themselves where nothing is.
 */
export function boundMissing({ logs_RC, logRest_R1, mostOfRest_R }: LogProbabilities): Tensor2D {
  if (!logRest_R1) return logs_RC;
  return tf.tidy(() => {
    const R = logs_RC.shape[0];
    const share_R1 = tf.tensor2d(
      Array.from({ length: R }, (_, r) => mostOfRest_R?.[r] ?? 0),
      [R, 1],
    );
    const most_R1 = tf.maximum(tf.add(logRest_R1, share_R1), impossible);
    return pick(isMissing(logs_RC), most_R1, logs_RC);
  });
}

/**
 * The base policy as a method weighs the preference's against it. Where it is bounded from above, Δ = log π_pref − log π_base is
 * bounded from below, so that the method goes no further than with the whole vocabulary. Tokens that the preference's row was
 * not given have no part in it: no policy over them is known.
 */
export function limitBase(bounded_BC: Tensor2D, logPreference_BC: Tensor2D): Tensor2D {
  return tf.tidy(() => pick(isMissing(logPreference_BC), tf.scalar(impossible), bounded_BC));
}

/** 1 where a row was not given a column's token, else 0. */
function isMissing(logs_BC: Tensor2D): Tensor2D {
  return tf.step(tf.sub(leastPossible, logs_BC));
}

/** `first` where the switch is 1, `second` where it is 0. */
function pick(switch_BC: Tensor2D, first: tf.Tensor, second_BC: Tensor2D): Tensor2D {
  return tf.where(tf.cast(switch_BC, "bool"), tf.broadcastTo(first, switch_BC.shape), second_BC);
}
