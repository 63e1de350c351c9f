/**
 * One known product after loading. A backend that has run out of memory may say nothing and multiply garbage; so some
 * columns of the matrices loaded first and last are kept, and their products compared with float64 on the host.
 */
import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.js";
import type { Weight } from "../weights/weight.js";

/** A weight and the numbers of some of its outputs as they were read. */
export interface ProductProbe {
  readonly path: string;
  readonly weight: Weight;
  readonly columns: ReadonlyMap<number, Float32Array>;
}

const unitRoundoff = 2 ** -24;

/** @throws ModelError `wrong-result` */
export async function checkProducts(probes: readonly ProductProbe[]): Promise<void> {
  for (const { path, weight, columns } of probes) {
    const inputs = columns.values().next().value!.length;
    const x = Float32Array.from({ length: inputs }, (_, i) => Math.cos(i * i));
    const product = tf.tidy(() => weight.multiply(tf.tensor2d(x, [1, inputs])));
    const values = await product.data();
    product.dispose();
    // The classic bound on a sum of n rounded products, in any order, and what products round before they are summed.
    const share = inputs * unitRoundoff + (weight.productError ?? 0);
    for (const [column, weights] of columns) checkColumn(path, column, values[column]!, x, weights, share);
  }
}

function checkColumn(
  path: string,
  column: number,
  came: number,
  x: Float32Array,
  weights: Float32Array,
  share: number,
): void {
  let expected = 0;
  let magnitude = 0;
  for (let i = 0; i < x.length; i++) {
    expected += x[i]! * weights[i]!;
    magnitude += Math.abs(x[i]! * weights[i]!);
  }
  if (Math.abs(came - expected) <= share * magnitude) return;
  throw new ModelError(
    "wrong-result",
    `After loading, a product with ${path} gave ${came} where ${expected.toPrecision(9)} is right (column ${column}). ` +
      `The backend "${tf.getBackend()}" has probably run out of memory without saying so; close other models or take another backend.`,
  );
}
