/**
 * Δ from another model: what a preference changes for a small model, added to a large one with the same tokenizer
 * (CoSteer, Lv et al. 2025, arXiv 2507.04756; proxy tuning, Liu et al. 2024, arXiv 2401.08565).
 */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { checkPolicies } from "../port/given-policies.js";
import { type CoSteerParameters, coSteerScale, paperCoSteer } from "../strength/costeer.js";
import { guidanceMethod, type Method } from "./method.js";
import { logPolicy } from "./policy.js";

/**
 * The preference policy that a large model has by way of a small one, `[B, V]`:
 *
 *     log π_1 = log π_large + (log π_pref − log π_base) of the small model − log Z.
 *
 * With the large model's own policy as the base policy, Δ is the small model's up to a constant, so every method takes
 * it from there: x = 1 is proxy tuning, `coSteerMethod` is CoSteer. Arguments are borrowed; columns are the same tokens.
 */
export function transferDelta(
  logLarge_BV: Tensor2D,
  logSmallBase_BV: Tensor2D,
  logSmallPreference_BV: Tensor2D,
): Tensor2D {
  checkPolicies({ logLarge_BV, logSmallBase_BV, logSmallPreference_BV });
  return tf.tidy(() => logPolicy(tf.add(logLarge_BV, tf.sub(logSmallPreference_BV, logSmallBase_BV))));
}

/**
 * CoSteer on a base policy of the large model and a preference policy by {@link transferDelta}: its loop, collapsed.
 *
 * @throws CoreError `bad-strength`
 */
export function coSteerMethod(parameters: CoSteerParameters = paperCoSteer): Method {
  return guidanceMethod(coSteerScale(parameters), "costeer");
}
