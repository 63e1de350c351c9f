/** AdamW (Loshchilov and Hutter, arXiv 1711.05101), with the gradient's global norm bounded first. */
import * as tf from "@tensorflow/tfjs-core";

export interface AdamWSettings {
  /** Decay of the mean of the gradients, β₁, and of their squares, β₂. */
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Share of a weight that goes at a learning rate of 1. Matrices decay, vectors (norms) do not. */
  readonly weightDecay: number;
  /** Longer gradients are shortened to this. */
  readonly clipNorm: number;
}

/** One tensor that is trained, with the two running means of its gradient. */
export interface Trained {
  readonly weight: tf.Tensor;
  readonly first: tf.Tensor;
  readonly second: tf.Tensor;
}

/** By the names of the checkpoint's tensors. A plain object, which tf.tidy looks into. */
export type TrainedTensors = Readonly<Record<string, Trained>>;

/** The weights as they are, means of zero. */
export function startTraining(weights: ReadonlyMap<string, tf.Tensor>): TrainedTensors {
  const start = (weight: tf.Tensor): Trained => ({
    weight,
    first: tf.zerosLike(weight),
    second: tf.zerosLike(weight),
  });
  return Object.fromEntries([...weights].map(([name, weight]) => [name, start(weight)]));
}

export function disposeTrained(trained: TrainedTensors): void {
  for (const { weight, first, second } of Object.values(trained)) tf.dispose([weight, first, second]);
}

export interface UpdateResult {
  /** New tensors; the old ones stay the caller's. */
  readonly trained: TrainedTensors;
  /** Of the gradient as it came. */
  readonly norm: tf.Scalar;
}

/**
 * One step.
 *
 * @param step counted from 1, for the correction of the means that began at zero
 */
export function updateWeights(
  trained: TrainedTensors,
  gradients: ReadonlyMap<string, tf.Tensor>,
  { learningRate, step }: { readonly learningRate: number; readonly step: number },
  settings: AdamWSettings,
): UpdateResult {
  const norm = globalNorm([...gradients.values()]);
  // 1 where the gradient is short enough, clipNorm / norm where it is not.
  const shrink = tf.div(settings.clipNorm, tf.maximum(norm, settings.clipNorm));
  const rates = { learningRate, shrink, ...corrections(settings, step) };
  const next = Object.entries(trained).map(([name, old]) => {
    return [name, updateOne(old, gradients.get(name)!, rates, settings)];
  });
  return { trained: Object.fromEntries(next), norm };
}

/** Summed row by row first: wasm adds one number after the other, which loses digits where there are many. */
export function globalNorm(gradients: readonly tf.Tensor[]): tf.Scalar {
  return tf.sqrt(addAll(gradients.map((gradient) => tf.sum<tf.Scalar>(tf.sum(tf.square(gradient), -1)))));
}

/**
 * Eight at a time: webgpu's `addN` binds every summand to one shader and takes no more than about ten. In the order of
 * libtensorflow's, so that a curve which was computed with one `addN` comes out again.
 */
function addAll(terms: readonly tf.Scalar[]): tf.Scalar {
  const first = terms.length % 8 || 8;
  let sum: tf.Scalar = tf.addN(terms.slice(0, first));
  for (let i = first; i < terms.length; i += 8) sum = tf.add(tf.addN(terms.slice(i, i + 8)), sum);
  return sum;
}

function corrections({ beta1, beta2 }: AdamWSettings, step: number) {
  return { firstShare: 1 - beta1 ** step, secondShare: 1 - beta2 ** step };
}

interface Rates {
  readonly learningRate: number;
  readonly shrink: tf.Tensor;
  readonly firstShare: number;
  readonly secondShare: number;
}

function updateOne(
  { weight, first, second }: Trained,
  gradient: tf.Tensor,
  { learningRate, shrink, firstShare, secondShare }: Rates,
  { beta1, beta2, epsilon, weightDecay }: AdamWSettings,
): Trained {
  const bounded = tf.mul(gradient, shrink);
  const nextFirst = tf.add(tf.mul(first, beta1), tf.mul(bounded, 1 - beta1));
  const nextSecond = tf.add(tf.mul(second, beta2), tf.mul(tf.square(bounded), 1 - beta2));
  const scale = tf.add(tf.sqrt(tf.div(nextSecond, secondShare)), epsilon);
  const change = tf.div(tf.mul(nextFirst, learningRate / firstShare), scale);
  const kept = weight.rank > 1 ? tf.mul(weight, 1 - learningRate * weightDecay) : weight;
  return { weight: tf.sub(kept, change), first: nextFirst, second: nextSecond };
}
