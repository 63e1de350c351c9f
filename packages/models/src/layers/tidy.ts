import * as tf from "@tensorflow/tfjs-core";

/**
 * `tf.tidy` for functions that return plain objects of any shape: its own type wants mutable containers with an
 * index signature, its implementation only walks them.
 */
export function tidy<T extends object>(scope: () => T): T {
  return tf.tidy(scope as unknown as () => tf.TensorContainer) as unknown as T;
}
