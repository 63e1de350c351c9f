/**
 * AdaCAD (Wang et al. 2024, arXiv 2409.07394): per token as strong as the two prompts disagree. The paper has a context
 * where we have a preference.
 */

import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { checkGiven, number } from "../port/given.js";
import { jensenShannon } from "./divergence.js";
import type { Method } from "./method.js";
import { extrapolateRows } from "./policy.js";

/**
 * γ = max(JSD(π_base, π_pref), `warmup`), from 0 to 1: x stays between that of the preference prompt, 1, and 2.
 *
 * The divergence is in bits, which makes it at most 1, as the paper says. The authors' code takes it in nats, ln 2 of
 * that, and adds the warm-up where the paper, as we read it, has a lower bound.
 *
 * Where an engine gives the most probable tokens only, the rest counts as said alike by both, which takes off at most its
 * mass.
 *
 * @param warmup smallest γ, from 0 to 1; the paper takes 0.3 for long answers
 * @throws CoreError `bad-strength`
 */
export function adaCadMethod(warmup = 0): Method {
  checkGiven(warmup, number, "The warm-up of AdaCAD", "bad-strength");
  if (!(warmup >= 0 && warmup <= 1))
    throw new CoreError("bad-strength", `The warm-up of AdaCAD must be from 0 to 1; it is ${warmup}.`);
  return {
    name: "adacad",
    reads: "both",
    policy: (logBase_BV, logPreference_BV) =>
      tf.tidy(() => {
        const divergence_B1 = jensenShannon(logBase_BV, logPreference_BV);
        return extrapolateRows(logBase_BV, logPreference_BV, tf.maximum(divergence_B1, warmup));
      }),
  };
}
