/**
 * Linear Alignment's plausibility mask (Gao et al. 2024): only tokens that the preference policy itself finds plausible
 * may be chosen, however far the extrapolation goes.
 */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import type { Method } from "./method.js";
import { logPolicy } from "./policy.js";

/** The share of the preference policy that Linear Alignment's authors keep. */
export const paperPlausibility = 0.8;

/**
 * A method whose tokens must lie in the top-p nucleus of the preference policy. γ, where the method reports it, is
 * passed on.
 *
 * @param p above 0 and at most 1; 1 forbids nothing
 * @throws CoreError `bad-strength`
 */
export function withPlausibility(method: Method, p: number = paperPlausibility): Method {
  if (!(p > 0 && p <= 1))
    throw new CoreError("bad-strength", `The plausibility must be above 0 and at most 1; it is ${p}.`);
  return {
    ...method,
    name: `${method.name}+plausibility`,
    reads: method.reads === "preference" ? "preference" : "both",
    policy: (logBase_BV, logPreference_BV) =>
      tf.tidy(() => {
        const result = method.policy(logBase_BV, logPreference_BV);
        const [free_BV, gamma] =
          "gamma_B1" in result ? [result.logPolicy_BV, { gamma_B1: result.gamma_B1 }] : [result, undefined];
        const logPolicy_BV = keepPlausible(free_BV, logPreference_BV, p);
        return gamma ? { logPolicy_BV, ...gamma } : logPolicy_BV;
      }),
  };
}

/**
 * Forbids every token outside the top-p nucleus of the preference policy and normalises what is left, `[B, V]`.
 * The nucleus is the fewest most probable tokens whose probability reaches p, with all that tie with the last of them.
 *
 * It is found by sorting, which costs as much as some fifty softmaxes on wasm for 49,152 tokens. A search for the
 * threshold by masked sums would need thirty passes to tell the last token from its neighbours, and take as long.
 */
export function keepPlausible(logPolicy_BV: Tensor2D, logPreference_BV: Tensor2D, p: number): Tensor2D {
  if (p === 1) return tf.clone(logPolicy_BV);
  return tf.tidy(() => {
    const preference_BV: Tensor2D = tf.softmax(logPreference_BV);
    const outside_BV = tf.step(tf.sub(leastPlausible(preference_BV, p), preference_BV));
    // Twice as far as the log of an impossible token: it must lose even to one that the method itself rules out.
    return logPolicy(tf.add(logPolicy_BV, tf.mul(outside_BV, -2e4)));
  });
}

/** The probability of the last token of the nucleus, `[B, 1]`: the first with which the sum reaches p. */
function leastPlausible(policy_BV: Tensor2D, p: number): Tensor2D {
  const sorted_BV = tf.topk(policy_BV, policy_BV.shape[1]).values;
  const before_BV = tf.cumsum(sorted_BV, 1, true);
  // step(0) is 0: where the sum before a token has reached p exactly, the token is not needed.
  const needed_BV = tf.step(tf.sub(p, before_BV));
  // Tokens that are not needed are lifted above 1, out of the way of the minimum.
  return tf.min(tf.add(sorted_BV, tf.sub(2, tf.mul(needed_BV, 2))), 1, true);
}
