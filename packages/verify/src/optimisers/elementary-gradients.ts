/**
 * Derivatives of the five operations that the objective is made of. The Node build of tfjs-core 4.22 carries the
 * tape and the chain rule but registers no derivatives (only the `@tensorflow/tfjs` union package does), and its
 * own registration module cannot be imported by Node. What another package has registered is left alone.
 */
import * as tf from "@tensorflow/tfjs-core";

/** Makes tf.variableGrads work for Add, Sub, Multiply, Exp, Neg and a full Sum, whichever lack a derivative. */
export function registerElementaryGradients(): void {
  for (const gradient of elementaryGradients) {
    if (!tf.getGradient(gradient.kernelName)) tf.registerGradient(gradient);
  }
}

const elementaryGradients: readonly tf.GradConfig[] = [
  {
    kernelName: tf.Add,
    gradFunc: (dy) => ({ a: () => tf.clone(single(dy)), b: () => tf.clone(single(dy)) }),
  },
  {
    kernelName: tf.Sub,
    gradFunc: (dy) => ({ a: () => tf.clone(single(dy)), b: () => tf.neg(single(dy)) }),
  },
  {
    kernelName: tf.Multiply,
    inputsToSave: ["a", "b"],
    gradFunc: (dy, [a, b]) => ({ a: () => tf.mul(single(dy), b!), b: () => tf.mul(single(dy), a!) }),
  },
  {
    kernelName: tf.Exp,
    outputsToSave: [true],
    gradFunc: (dy, [value]) => ({ x: () => tf.mul(single(dy), value!) }),
  },
  { kernelName: tf.Neg, gradFunc: (dy) => ({ x: () => tf.neg(single(dy)) }) },
  {
    kernelName: tf.Sum,
    inputsToSave: ["x"],
    gradFunc: (dy, [x]) => ({ x: () => tf.mul(single(dy), tf.onesLike(x!)) }),
  },
];

function single(dy: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(dy) ? dy[0]! : dy;
}
