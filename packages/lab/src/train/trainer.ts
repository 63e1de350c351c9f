import "@amulet-ts/core/disposal";
/** One step of training after another, through `models`' own forward pass. Letters: N, P as in batches.ts. */
import { type CheckpointTensors, emptyCache, type ModelDefinition } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import type { Batch } from "./batches.js";
import {
  type AdamWSettings,
  disposeTrained,
  globalNorm,
  type TrainedTensors,
  type UpdateResult,
  updateWeights,
} from "./optimiser/adamw.js";
import { registerGradients } from "./optimiser/gradients.js";
import { crossEntropy } from "./optimiser/loss.js";
import { learningRate, type Schedule } from "./optimiser/schedule.js";
import type { Pause } from "./pause.js";

export interface StepReport {
  /** How many steps are done, this one included. */
  readonly step: number;
  /** Mean cross-entropy of the batch before the step, nats per token of the answers. */
  readonly loss: number;
  readonly learningRate: number;
  /** Length of the gradient before it was clipped. */
  readonly gradientNorm: number;
  /** Tokens read, fillers not counted. */
  readonly tokens: number;
}

/** Holds weights and running means on the backend until disposed. */
export class Trainer {
  /**
   * @param trained the trainer's from now on
   * @param stepsDone 0 at the start
   */
  constructor(
    private readonly definition: ModelDefinition,
    private trained: TrainedTensors,
    private stepsDone: number,
    private readonly settings: { readonly schedule: Schedule; readonly adamw: AdamWSettings },
  ) {
    registerGradients();
  }

  /** What a checkpoint keeps. The tensors stay the trainer's, until its next step. */
  get state(): { readonly trained: TrainedTensors; readonly stepsDone: number } {
    const { trained, stepsDone } = this;
    return { trained, stepsDone };
  }

  /** By their Hugging Face names; the trainer's, until its next step. */
  get weights(): CheckpointTensors {
    return new Map(Object.entries(this.trained).map(([name, { weight }]) => [name, weight]));
  }

  async step(batch: Batch): Promise<StepReport> {
    const rate = learningRate(this.settings.schedule, this.stepsDone);
    const { loss, norm, trained } = this.update(batch, rate);
    disposeTrained(this.trained);
    this.trained = trained;
    this.stepsDone++;
    const [[lossValue], [normValue]] = await Promise.all([loss.data(), norm.data()]);
    tf.dispose([loss, norm]);
    return {
      step: this.stepsDone,
      loss: lossValue!,
      learningRate: rate,
      gradientNorm: normValue!,
      tokens: batch.tokenCount,
    };
  }

  /** Loss and length of the gradient where the weights are; changes nothing. */
  async measure(batch: Batch): Promise<Pick<StepReport, "loss" | "gradientNorm">> {
    const [loss, norm] = tf.tidy(() => {
      const { loss, gradients } = differentiate(this.definition, this.weights, batch);
      return [loss, globalNorm([...gradients.values()])] as [tf.Scalar, tf.Scalar];
    });
    const [[lossValue], [normValue]] = await Promise.all([loss.data(), norm.data()]);
    tf.dispose([loss, norm]);
    return { loss: lossValue!, gradientNorm: normValue! };
  }

  dispose(): void {
    disposeTrained(this.trained);
    this.trained = {};
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private update(batch: Batch, rate: number): UpdateResult & { readonly loss: tf.Scalar } {
    const scope = () => {
      const { loss, gradients } = differentiate(this.definition, this.weights, batch);
      const at = { learningRate: rate, step: this.stepsDone + 1 };
      return { loss, ...updateWeights(this.trained, gradients, at, this.settings.adamw) };
    };
    // tidy's own type wants mutable containers; its implementation only walks them.
    return tf.tidy(scope as unknown as () => tf.TensorContainer) as unknown as ReturnType<typeof scope>;
  }
}

/** Mean cross-entropy of a batch's answers, and its derivative with respect to every tensor. */
export function differentiate(definition: ModelDefinition, weights: CheckpointTensors, batch: Batch) {
  const names = [...weights.keys()];
  const lossOf = (...tensors: tf.Tensor[]) =>
    batchLoss(definition, new Map(names.map((name, i) => [name, tensors[i]!])), batch);
  const { value, grads } = tf.valueAndGrads(lossOf)([...weights.values()]);
  return { loss: value as tf.Scalar, gradients: new Map(names.map((name, i) => [name, grads[i]!])) };
}

/** Mean cross-entropy of a batch's answers, nats per token. */
export function batchLoss(
  definition: ModelDefinition,
  weights: CheckpointTensors,
  { ids_N, lengths, places_P, targets_P }: Batch,
): tf.Scalar {
  return tf.tidy(() => {
    const pass = definition.bind(weights);
    const caches = lengths.map(() => emptyCache(definition.config.blockCount));
    const { states_ND } = pass.forward({ ids_N, lengths }, caches);
    const states_PD: tf.Tensor2D = tf.gather(states_ND, tf.tensor1d(places_P, "int32"));
    return crossEntropy(pass.head(states_PD), tf.tensor1d(targets_P, "int32"));
  });
}

/** Mean over the answer tokens of all batches. */
export async function meanLoss(
  definition: ModelDefinition,
  weights: CheckpointTensors,
  batches: readonly Batch[],
  pause: Pause,
): Promise<number> {
  let sum = 0;
  let count = 0;
  for (const batch of batches) {
    await pause();
    const loss = batchLoss(definition, weights, batch);
    const [value] = await loss.data();
    loss.dispose();
    sum += value! * batch.targets_P.length;
    count += batch.targets_P.length;
  }
  return sum / count;
}
