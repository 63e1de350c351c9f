/** PromptCD (Bi et al. 2026, arXiv 2602.20696): a prompt against its opposite, within what the prompt finds plausible. */

import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { checkGiven, number } from "../port/given.js";
import { largestStrength } from "../strength/strength.js";
import { withMinP } from "./masks.js";
import type { Method } from "./method.js";
import { logPolicy } from "./policy.js";

/** γ where none is given; ours. */
export const defaultContrast = 0.5;

/** Contrastive decoding's share of the best token, below which a token is out (Li et al. 2022). */
export const contrastivePlausibility = 0.1;

/**
 * log π ∝ log π_pref − γ log π_neg over the tokens with π_pref ≥ λ max π_pref, after a description of the paper, which
 * itself was out of our reach. The base policy is that of the negative prompt: ask with one, as `base` or by
 * `negativePrompt`.
 *
 * For γ below 1 the scores are (1 − γ) times those of guidance with x = 1/(1 − γ): greedily the same token, and drawn
 * from at a temperature of x. At γ = 1 they are Δ alone.
 *
 * @param contrast γ, from 0, the preference prompt alone
 * @param plausibility λ, above 0 and at most 1
 * @throws CoreError `bad-strength`
 */
export function promptCdMethod(
  contrast: number = defaultContrast,
  plausibility: number = contrastivePlausibility,
): Method {
  checkGiven(contrast, number, "The contrast of PromptCD", "bad-strength");
  if (!(contrast >= 0 && contrast <= largestStrength))
    throw new CoreError(
      "bad-strength",
      `The contrast of PromptCD must be from 0 to ${largestStrength}; it is ${contrast}.`,
    );
  const free: Method = {
    name: "promptcd",
    reads: "both",
    policy: (logNegative_BV, logPreference_BV) =>
      tf.tidy(() => logPolicy(tf.sub(logPreference_BV, tf.mul(logNegative_BV, contrast)))),
  };
  return { ...withMinP(free, plausibility), name: free.name };
}
