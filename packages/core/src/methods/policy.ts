/**
 * The algorithm as tensor operations on `[B, V]` log-policies. Rows are independent problems.
 * Every function borrows its arguments and returns a tensor that the caller owns.
 */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { callback, checkGiven, count, number, optional, record } from "../port/given.js";
import { checkPolicies } from "../port/given-policies.js";
import {
  type AmuletParameters,
  checkParameters,
  checkStrength,
  decodableScale,
  normaliseWeights,
  proximalWeight,
} from "../strength/strength.js";
import { backendPolicies, type PolicyWithGamma } from "./backend-policies.js";

/**
 * Stands for log 0. exp(−1e4) is zero even in float64, so a forbidden token keeps probability exactly zero,
 * and differences of two such values stay finite where −∞ would make NaN.
 */
export const logZero = -1e4;

/**
 * Logits to log-probabilities, `[B, V]` → `[B, V]`. Unlike log(softmax(x)), finite at any gap between
 * logits; −Infinity (a masked token) becomes about −1e4. A row with a NaN or with +Infinity is NaN throughout.
 *
 * The normaliser is read off the most probable token, whose probability is never small:
 * log Z = max x − log max softmax(x). That is one fused pass where `tf.logSoftmax` makes an exponential and a sum
 * of its own, ten times slower on the wasm backend.
 */
export function logPolicy(logits_BV: Tensor2D): Tensor2D {
  checkPolicies({ logits_BV });
  return backendPolicies()?.normalise(logits_BV, logZero) ?? normaliseByTensors(logits_BV);
}

function normaliseByTensors(logits_BV: Tensor2D): Tensor2D {
  return tf.tidy(() => {
    const best_B1 = tf.max(tf.softmax(logits_BV), 1, true);
    // In this order: logits may be large, and what counts is their difference to the largest; and the clip, which on
    // the wasm backend makes −1e4 of NaN, comes before log Z, which is NaN wherever a logit was.
    const centred_BV = tf.sub(logits_BV, tf.max(logits_BV, 1, true));
    return tf.add(tf.clipByValue(centred_BV, logZero, 0), tf.log(best_B1)) as Tensor2D;
  });
}

/**
 * One step of follow-the-regularised-leader, solved in closed form (paper, eq. 7):
 *
 *     log π_{t+1} = (ū_t + λ log π_1 + (1/(ηt)) log π_t) / (λ + 1/(ηt)) − log Z
 *
 * @param step.meanUtility_BV ū_t, the mean of the utilities of steps 1 to t
 * @param step.logReference_BV log π_1, the preference policy
 * @param step.logCurrent_BV log π_t
 * The division is one of the weights, in float64: weights that have no float32 may have a share of their sum.
 *
 * @returns log π_{t+1}, normalised, `[B, V]`
 */
export function closedFormStep(
  step: Step,
  t: number,
  weights: Pick<AmuletParameters, "lambda" | "eta">,
): Tensor2D {
  checkGiven(weights, record, "The weights", "bad-strength");
  const { lambda, eta } = weights;
  checkStep(step, t, lambda, eta);
  const sum = lambda + proximalWeight(eta, t);
  const pull = lambda / sum;
  return tf.tidy(() => {
    const pull_BV = tf.add(tf.mul(step.logReference_BV, pull), tf.mul(step.logCurrent_BV, 1 - pull));
    return logPolicy(tf.add(tf.mul(step.meanUtility_BV, 1 / sum), pull_BV));
  });
}

interface Step {
  readonly meanUtility_BV: Tensor2D;
  readonly logReference_BV: Tensor2D;
  readonly logCurrent_BV: Tensor2D;
}

function checkStep(step: Step, t: number, lambda: number, eta: number): void {
  checkGiven(step, record, "The step");
  const { meanUtility_BV, logReference_BV, logCurrent_BV } = step;
  checkPolicies({ meanUtility_BV, logReference_BV, logCurrent_BV });
  checkGiven(t, stepNumber, "t", "bad-strength");
  checkParameters({ lambda, eta, alpha: 0, iterations: 0 });
}

const stepNumber = {
  expected: "a whole number of at least 1",
  holds: (t: unknown) => count.holds(t) && t !== 0,
};

/** What one iteration of the loop leaves behind; the tensors are borrowed until the callback returns. */
export interface Iteration {
  /** t of π_t; 1 is the preference policy itself. */
  readonly t: number;
  readonly logPolicy_BV: Tensor2D;
}

/**
 * The paper's loop: T closed-form steps from the preference policy, with u_t = α (log π_t − log π_base).
 * The authors keep all T utilities; a running mean, ū_t = ū_{t−1} + (u_t − ū_{t−1})/t, is all the step needs.
 *
 * @param onIteration sees π_1 … π_{T+1}; copy what is to be kept
 * @returns log π_{T+1}, `[B, V]`
 * @throws CoreError `bad-strength`
 */
export function amuletLoop(
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  parameters: AmuletParameters,
  onIteration?: (iteration: Iteration) => void,
): Tensor2D {
  checkPolicies({ logBase_BV, logPreference_BV });
  checkGiven(onIteration, optional(callback), "onIteration");
  decodableScale(parameters);
  const { iterations, alpha, lambda, eta } = normaliseWeights(parameters);
  let logCurrent_BV = tf.clone(logPreference_BV);
  let meanUtility_BV: Tensor2D = tf.zerosLike(logPreference_BV);
  try {
    onIteration?.({ t: 1, logPolicy_BV: logCurrent_BV });
    for (let t = 1; t <= iterations; t++) {
      const [mean_BV, next_BV] = tf.tidy(() => {
        const utility_BV: Tensor2D = tf.mul(tf.sub(logCurrent_BV, logBase_BV), alpha);
        const mean_BV: Tensor2D = tf.add(meanUtility_BV, tf.div(tf.sub(utility_BV, meanUtility_BV), t));
        const step = { meanUtility_BV: mean_BV, logReference_BV: logPreference_BV, logCurrent_BV };
        return [mean_BV, closedFormStep(step, t, { lambda, eta })];
      });
      tf.dispose([meanUtility_BV, logCurrent_BV]);
      [meanUtility_BV, logCurrent_BV] = [mean_BV, next_BV];
      onIteration?.({ t: t + 1, logPolicy_BV: logCurrent_BV });
    }
    return logCurrent_BV;
  } catch (error) {
    logCurrent_BV.dispose();
    throw error;
  } finally {
    meanUtility_BV.dispose();
  }
}

/**
 * The same policy in one pass over the vocabulary: every step is linear in the two log-policies, so T of them
 * are one extrapolation along Δ = logPreference − logBase with γ = x − 1 (docs/algorithm.md, "The collapse").
 *
 *     log π = logPreference + γ (logPreference − logBase) − log Z
 *
 * Linear Alignment is this with γ = its ratio, classifier-free guidance with γ = scale − 1.
 *
 * @param gamma γ; 0 gives the preference policy, −1 the base policy
 * @throws CoreError `shape-mismatch`, `bad-strength`
 */
export function extrapolate(logBase_BV: Tensor2D, logPreference_BV: Tensor2D, gamma: number): Tensor2D {
  checkGiven(gamma, number, "gamma (γ)", "bad-strength");
  checkStrength(gamma + 1);
  checkPolicies({ logBase_BV, logPreference_BV });
  return extrapolateBy(logBase_BV, logPreference_BV, gamma);
}

/** @param gamma for all rows, or one for each, `[B, 1]` */
function extrapolateBy(logBase_BV: Tensor2D, logPreference_BV: Tensor2D, gamma: number | Tensor2D): Tensor2D {
  return (
    backendPolicies()?.extrapolate(logBase_BV, logPreference_BV, gamma, logZero) ??
    tf.tidy(() =>
      normaliseByTensors(tf.add(logPreference_BV, tf.mul(tf.sub(logPreference_BV, logBase_BV), gamma))),
    )
  );
}

/** The same with a γ for each row, `[B, 1]`, which is returned beside the policy: a clone, so that both are the caller's. */
export function extrapolateRows(
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  gamma_B1: Tensor2D,
): PolicyWithGamma {
  return tf.tidy(() => ({
    logPolicy_BV: extrapolateBy(logBase_BV, logPreference_BV, gamma_B1),
    gamma_B1: tf.clone(gamma_B1),
  }));
}

/** {@link amuletLoop}, collapsed: T changes the dial, not the work. */
export function amuletCollapsed(
  logBase_BV: Tensor2D,
  logPreference_BV: Tensor2D,
  parameters: AmuletParameters,
): Tensor2D {
  return extrapolate(logBase_BV, logPreference_BV, decodableScale(parameters) - 1);
}
