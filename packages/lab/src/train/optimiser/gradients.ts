/**
 * Derivatives of the kernels that the forward passes of `models` are made of. TensorFlow.js keeps its own in a module
 * that Node cannot import, and one of them (of a gather) asks for a kernel that the wasm backend lacks. Each says
 * what reaches an input when `dy` reaches the output; shapes are any that broadcast.
 */
import { fastProducts } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import { LabError } from "../../errors.js";

/** Makes tf.grads work through a forward pass, on every backend; derivatives already registered are replaced. */
export function registerGradients(): void {
  for (const [kernelName, gradient] of Object.entries(gradients)) {
    tf.registerGradient({ ...gradient, kernelName });
  }
}

type Gradient = Omit<tf.GradConfig, "kernelName">;

const gradients: Readonly<Record<string, Gradient>> = {
  [tf.Add]: {
    inputsToSave: ["a", "b"],
    gradFunc: (dy, [a, b]) => ({ a: () => sumTo(one(dy), a!), b: () => sumTo(one(dy), b!) }),
  },
  [tf.Sub]: {
    inputsToSave: ["a", "b"],
    gradFunc: (dy, [a, b]) => ({ a: () => sumTo(one(dy), a!), b: () => sumTo(tf.neg(one(dy)), b!) }),
  },
  [tf.Multiply]: {
    inputsToSave: ["a", "b"],
    gradFunc: (dy, [a, b]) => ({
      a: () => sumTo(tf.mul(one(dy), b!), a!),
      b: () => sumTo(tf.mul(one(dy), a!), b!),
    }),
  },
  [tf.RealDiv]: {
    inputsToSave: ["a", "b"],
    gradFunc: (dy, [a, b]) => ({
      a: () => sumTo(tf.div(one(dy), b!), a!),
      b: () => sumTo(tf.neg(tf.div(tf.mul(one(dy), a!), tf.square(b!))), b!),
    }),
  },
  [tf.Square]: {
    inputsToSave: ["x"],
    gradFunc: (dy, [x]) => ({ x: () => tf.mul(one(dy), tf.add(x!, x!)) }),
  },
  // y = x^(−1/2), y' = −y³/2.
  [tf.Rsqrt]: {
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => tf.mul(one(dy), tf.mul(tf.mul(tf.square(y!), y!), -0.5)) }),
  },
  [tf.Sigmoid]: {
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => tf.mul(one(dy), tf.mul(y!, tf.sub(1, y!))) }),
  },
  [tf.Tanh]: {
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => tf.mul(one(dy), tf.sub(1, tf.square(y!))) }),
  },
  [tf.Sum]: {
    inputsToSave: ["x"],
    gradFunc: (dy, [x], { axis }) => ({ x: () => spread(one(dy), x!, axis as Axes) }),
  },
  [tf.Mean]: {
    inputsToSave: ["x"],
    gradFunc: (dy, [x], { axis }) => ({
      x: () => tf.div(spread(one(dy), x!, axis as Axes), x!.size / one(dy).size),
    }),
  },
  [tf.Softmax]: {
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ logits: () => throughSoftmax(one(dy), y!) }),
  },
  [tf.BatchMatMul]: {
    inputsToSave: ["a", "b"],
    gradFunc: (dy, [a, b], attributes) => throughProduct(one(dy), a!, b!, attributes as unknown as Turned),
  },
  [tf.Reshape]: {
    inputsToSave: ["x"],
    gradFunc: (dy, [x]) => ({ x: () => tf.reshape(one(dy), x!.shape) }),
  },
  [tf.Identity]: { gradFunc: (dy) => ({ x: () => tf.clone(one(dy)) }) },
  [tf.Transpose]: {
    gradFunc: (dy, _, { perm }) => ({ x: () => tf.transpose(one(dy), undo(perm as number[])) }),
  },
  [tf.Concat]: {
    saveAllInputs: true,
    // The tape asks for the inputs of this kernel by their places.
    gradFunc: (dy, inputs, { axis }) =>
      splitAs(one(dy), inputs, axis as number) as unknown as ReturnType<tf.GradFunc>,
  },
  [tf.Slice]: {
    inputsToSave: ["x"],
    gradFunc: (dy, [x], { begin }) => ({ x: () => padTo(one(dy), x!, begin as number[]) }),
  },
  [tf.GatherV2]: {
    inputsToSave: ["x", "indices"],
    gradFunc: (dy, [x, indices], attributes) => {
      refuseOtherGathers(x!, indices!, attributes);
      return { x: () => scatter(one(dy), indices as tf.Tensor1D, x!) };
    },
  },
};

/** Forward passes gather rows by a list. */
function refuseOtherGathers(x: tf.Tensor, indices: tf.Tensor, { axis, batchDims }: tf.NamedAttrMap): void {
  if ((axis ?? 0) === 0 && (batchDims ?? 0) === 0 && indices.rank === 1) return;
  throw new LabError(
    "bad-settings",
    `A gather can be differentiated along axis 0, by a list of places; it came along axis ${axis} of [${x.shape}], ` +
      `with places [${indices.shape}] and ${batchDims} batch axes.`,
  );
}

function one(dy: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(dy) ? dy[0]! : dy;
}

/** Undoes broadcasting: sums over the axes that it made longer. Always a tensor of its own. */
function sumTo(dy: tf.Tensor, { shape }: tf.Tensor): tf.Tensor {
  const axes = tf.backend_util.getReductionAxes(shape, dy.shape);
  return tf.reshape(axes.length > 0 ? tf.sum(dy, axes) : dy, shape);
}

/** Axes of a reduction as a kernel has them; none means all. */
type Axes = number | number[] | null | undefined;

/** Undoes a sum: the same number along each axis that was summed over. */
function spread(dy: tf.Tensor, x: tf.Tensor, axis: Axes): tf.Tensor {
  // As tfjs-core itself calls it: its type leaves out what its first line is for.
  const axes = tf.util.parseAxisParam(axis as number[], x.shape);
  const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  return tf.mul(tf.reshape(dy, kept), tf.onesLike(x));
}

function throughSoftmax(dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  const weighted = tf.mul(dy, y);
  return tf.sub(weighted, tf.mul(tf.sum(weighted, -1, true), y));
}

interface Turned {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** C = A B: dA = dC Bᵀ, dB = Aᵀ dC; and the transposes of these where A or B was turned. */
function throughProduct(dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor, { transposeA, transposeB }: Turned) {
  return {
    a: () => (transposeA ? product(b, dy, transposeB, true) : product(dy, b, false, !transposeB)),
    b: () => (transposeB ? product(dy, a, true, transposeA) : product(a, dy, !transposeA, false)),
  };
}

/** Where a product with a turned factor is slow, the factor is turned before. */
function product(a: tf.Tensor, b: tf.Tensor, turnA: boolean, turnB: boolean): tf.Tensor {
  if (fastProducts().turned) return tf.matMul(a, b, turnA, turnB);
  return tf.matMul(turnA ? turn(a) : a, turnB ? turn(b) : b);
}

/** The last two axes exchanged. */
function turn(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, i) => i);
  return tf.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

function undo(permutation: readonly number[]): number[] {
  return permutation.map((_, i) => permutation.indexOf(i));
}

function splitAs(dy: tf.Tensor, inputs: readonly tf.Tensor[], axis: number): (() => tf.Tensor)[] {
  const [along] = tf.util.parseAxisParam(axis, dy.shape);
  const sizes = inputs.map(({ shape }) => shape[along!]!);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  return inputs.map(({ shape }, i) => () => {
    const begin = shape.map((_, axis) => (axis === along ? starts[i]! : 0));
    return tf.slice(dy, begin, [...shape]);
  });
}

function padTo(dy: tf.Tensor, x: tf.Tensor, begin: readonly number[]): tf.Tensor {
  const paddings = x.shape.map((size, i): [number, number] => [begin[i]!, size - begin[i]! - dy.shape[i]!]);
  return tf.pad(dy, paddings);
}

/**
 * Adds each row of dy to the row of x that it was taken from. Where there is no kernel for it: as a product with a
 * matrix of 0 and 1.
 */
function scatter(dy: tf.Tensor, indices_N: tf.Tensor1D, x: tf.Tensor): tf.Tensor {
  const rows = x.shape[0]!;
  if (tf.getKernel(tf.UnsortedSegmentSum, tf.getBackend())) return tf.unsortedSegmentSum(dy, indices_N, rows);
  const width = x.size / rows;
  // A one-hot of a single class is refused; all rows of dy were then taken from that one.
  if (rows === 1) return tf.reshape(tf.sum(tf.reshape(dy, [indices_N.size, width]), 0), x.shape);
  const chosen = tf.cast(tf.oneHot(indices_N, rows), "float32");
  return tf.reshape(tf.matMul(turn(chosen), tf.reshape(dy, [indices_N.size, width])), x.shape);
}
