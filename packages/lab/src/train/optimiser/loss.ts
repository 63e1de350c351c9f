/** What training makes small. Letters: N predicted tokens, V vocabulary. */
import * as tf from "@tensorflow/tfjs-core";

/**
 * Mean cross-entropy in nats: −(1/N) Σ log π(target). With a derivative of its own, (softmax − target)/N, which
 * needs one tensor of the logits' size where the chain rule through a logarithm needs several.
 *
 * @param targets_N ids of the tokens that came
 */
export function crossEntropy(logits_NV: tf.Tensor2D, targets_N: tf.Tensor1D): tf.Scalar {
  const [N, V] = logits_NV.shape;
  const loss = tf.customGrad((logits, save) => {
    // As integers: the wasm backend writes the bits of integers, whatever type it is asked for.
    const chosen_NV = tf.cast(tf.oneHot(targets_N, V), "float32");
    const logPolicy_NV = tf.logSoftmax(logits as tf.Tensor2D);
    (save as tf.GradSaveFunc)([logPolicy_NV, chosen_NV]);
    const logTarget_N = tf.sum(tf.mul(logPolicy_NV, chosen_NV), -1);
    const value: tf.Tensor = tf.div(tf.neg(tf.sum(logTarget_N)), N);
    const gradFunc = (dy: tf.Tensor, [logPolicy, chosen]: tf.Tensor[]) =>
      tf.mul(tf.sub(tf.exp(logPolicy!), chosen!), tf.div(dy, N));
    return { value, gradFunc: gradFunc as (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor };
  });
  return loss(logits_NV) as tf.Scalar;
}
