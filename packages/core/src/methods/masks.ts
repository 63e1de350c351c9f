/**
 * Masks: only tokens that the preference policy itself finds plausible may be chosen, however far a method goes. Each
 * wraps any method, and they may be put round one another.
 */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { leastPossible } from "../port/columns.js";
import { checkGiven, method as givenMethod, number } from "../port/given.js";
import { applyMethod, type Method, type NeededTokens } from "./method.js";
import { logPolicy } from "./policy.js";

/** The share of the preference policy that Linear Alignment's authors keep. */
export const paperPlausibility = 0.8;

/**
 * Linear Alignment's plausibility mask (Gao et al. 2024): tokens must lie in the top-p nucleus of the preference
 * policy, the fewest most probable tokens whose probability reaches p, with all that tie with the last of them.
 *
 * It is found by sorting, which costs as much as some fifty softmaxes on wasm for 49,152 tokens. A search for the
 * threshold by masked sums would need thirty passes to tell the last token from its neighbours, and take as long.
 *
 * @param p above 0 and at most 1; 1 forbids nothing
 * @throws CoreError `bad-strength`
 */
export function withPlausibility(method: Method, p: number = paperPlausibility): Method {
  checkGiven(method, givenMethod, "The method");
  checkGiven(p, number, "The plausibility", "bad-strength");
  if (!(p > 0 && p <= 1))
    throw new CoreError("bad-strength", `The plausibility must be above 0 and at most 1; it is ${p}.`);
  const mask = { name: "plausibility", needs: { mass: p } };
  if (p === 1) return nameMask(method, mask);
  return withMask(method, mask, (logPreference_BV) => {
    // Not a softmax: tokens that were not given count.
    const preference_BV: Tensor2D = tf.exp(logPreference_BV);
    return tf.step(tf.sub(leastPlausible(preference_BV, p), preference_BV));
  });
}

/**
 * Min-p (Nguyen et al. 2024, arXiv 2407.01082) as a mask on the preference policy: tokens must be at least p times as
 * probable as the best. Contrastive decoding knows it as the adaptive plausibility constraint (Li et al. 2022).
 *
 * @param p above 0 and at most 1, which leaves the best token and those that tie with it
 * @throws CoreError `bad-strength`
 */
export function withMinP(method: Method, p: number): Method {
  checkGiven(method, givenMethod, "The method");
  checkGiven(p, number, "The min-p mask", "bad-strength");
  if (!(p > 0 && p <= 1))
    throw new CoreError("bad-strength", `The min-p mask must be above 0 and at most 1; it is ${p}.`);
  const reach = Math.log(p);
  return withMask(method, { name: "min-p", needs: { share: p } }, (logPreference_BV) => {
    const least_B1 = tf.add(tf.max(logPreference_BV, 1, true), reach);
    return tf.step(tf.sub(least_B1, logPreference_BV));
  });
}

/** Further than any token stands from the best, in standard deviations of its row. */
const mostSigmas = 1_000_000;

/**
 * Top-nσ (Tang et al. 2024, arXiv 2411.07641) as a mask on the preference policy: logits must be within n standard
 * deviations σ of the best one. σ is that of a whole row, Σ(x − x̄)²/V under the root; log-policies have the σ of the
 * logits that they come from. Impossible tokens are left out of it.
 *
 * @param n from 0, which leaves the best token and those that tie with it
 * @throws CoreError `bad-strength`
 */
export function withTopNSigma(method: Method, n: number): Method {
  checkGiven(method, givenMethod, "The method");
  checkGiven(n, number, "The n of top-nσ", "bad-strength");
  if (!(n >= 0 && n <= mostSigmas))
    throw new CoreError("bad-strength", `The n of top-nσ must be from 0 to ${mostSigmas}; it is ${n}.`);
  return withMask(method, { name: "top-n-sigma", needs: "whole" }, (logPreference_BV) => {
    const reach_B1 = tf.mul(standardDeviation(logPreference_BV), n);
    const least_B1 = tf.sub(tf.max(logPreference_BV, 1, true), reach_B1);
    return tf.step(tf.sub(least_B1, logPreference_BV));
  });
}

/**
 * A method whose policy is 0 wherever `outside` is 1, and normalised over the rest. γ, where the method reports it, is
 * passed on.
 *
 * @param outside 0 or 1 for every token, from the preference policy
 */
function withMask(method: Method, mask: Mask, outside: (logPreference_BV: Tensor2D) => Tensor2D): Method {
  return {
    ...nameMask(method, mask),
    policy: (logBase_BV, logPreference_BV) =>
      tf.tidy(() => {
        const { logPolicy_BV: free_BV, ...gamma } = applyMethod(method, logBase_BV, logPreference_BV);
        const logPolicy_BV = forbid(free_BV, outside(logPreference_BV));
        return gamma.gamma_B1 ? { logPolicy_BV, gamma_B1: gamma.gamma_B1 } : logPolicy_BV;
      }),
  };
}

/** What a mask is called, and which tokens it must have been given. */
interface Mask {
  readonly name: string;
  readonly needs: NeededTokens;
}

/** A mask makes do with fewer tokens than its method would need; one that looks at all of them does not. */
function nameMask(method: Method, mask: Mask): Method {
  const { name, needs } = method.needs === "whole" ? { ...mask, needs: method.needs } : mask;
  return {
    ...method,
    name: `${method.name}+${name}`,
    needs,
    reads: method.reads === "preference" ? "preference" : "both",
  };
}

/** Twice as far as the log of an impossible token: it must lose even to one that the method itself rules out. */
const forbidden = -2e4;

function forbid(logPolicy_BV: Tensor2D, outside_BV: Tensor2D): Tensor2D {
  return logPolicy(tf.add(logPolicy_BV, tf.mul(outside_BV, forbidden)));
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

/** Of the possible tokens of each row, `[B, 1]`. */
function standardDeviation(log_BV: Tensor2D): Tensor2D {
  const possible_BV = tf.step(tf.sub(log_BV, leastPossible));
  const count_B1 = tf.sum(possible_BV, 1, true);
  const average = (x_BV: tf.Tensor): Tensor2D => tf.div(tf.sum(tf.mul(x_BV, possible_BV), 1, true), count_B1);
  return tf.sqrt(average(tf.square(tf.sub(log_BV, average(log_BV)))));
}
