/** What forward passes want to know of a backend's speed, left where they find it without knowing this package. */
import * as tf from "@tensorflow/tfjs-core";

/** Which products take no longer than the same work done by products of two plain matrices. */
export interface FastProducts {
  /** Stacks of matrices. */
  readonly stacks: boolean;
  /** Those with a factor turned over (`transposeA`, `transposeB`). */
  readonly turned: boolean;
}

/** Where @amulet-ts/models looks for it. */
const agreedKey = Symbol.for("@amulet-ts/fast-products");

export function leaveAtBackend(products: FastProducts): void {
  Object.defineProperty(tf.backend(), agreedKey, { value: products, configurable: true });
}
