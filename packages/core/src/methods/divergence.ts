/** How far two policies are apart, and how sure one is: what methods decide by that choose their strength themselves. */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/**
 * Jensen–Shannon divergence of two log-policies in bits, `[B, 1]`: from 0, where they are the same, to 1, where no
 * token is possible after both.
 *
 *     JSD(p, q) = ½ Σ p (1 − log₂(1 + q/p)) + ½ Σ q (1 − log₂(1 + p/q))
 *
 * is read off the difference of the logarithms, so that nothing is divided by a probability that underflowed, and two
 * equal rows are at 0 exactly.
 */
export function jensenShannon(logP_BV: Tensor2D, logQ_BV: Tensor2D): Tensor2D {
  return tf.tidy(() => {
    const difference_BV = tf.sub(logQ_BV, logP_BV);
    const nats_BV = tf.add(
      tf.mul(tf.exp(logP_BV), belowHalf(difference_BV)),
      tf.mul(tf.exp(logQ_BV), belowHalf(tf.neg(difference_BV))),
    );
    return tf.clipByValue(tf.mul(tf.sum(nats_BV, 1, true), 0.5 / Math.LN2), 0, 1) as Tensor2D;
  });
}

/** log 2 − log(1 + exp x), finite for every finite x. */
function belowHalf(x_BV: tf.Tensor): tf.Tensor {
  const softplus_BV = tf.add(tf.relu(x_BV), tf.log1p(tf.exp(tf.neg(tf.abs(x_BV)))));
  return tf.sub(Math.LN2, softplus_BV);
}

/** The probability of the most probable token less that of the second, `[B, 1]`; 0 where two tie. */
export function topMargin(logPolicy_BV: Tensor2D): Tensor2D {
  return tf.tidy(() => {
    const policy_BV = tf.exp(logPolicy_BV);
    const best_B1 = tf.max(policy_BV, 1, true);
    const below_BV = tf.step(tf.sub(best_B1, policy_BV));
    const second_B1 = tf.max(tf.mul(policy_BV, below_BV), 1, true);
    const ties_B1 = tf.step(tf.sub(tf.sum(tf.sub(1, below_BV), 1, true), 1.5));
    return tf.mul(tf.sub(best_B1, second_B1), tf.sub(1, ties_B1)) as Tensor2D;
  });
}
