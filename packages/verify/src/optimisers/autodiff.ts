/**
 * The step's objective maximised by TensorFlow.js on the active backend: automatic differentiation through a
 * softmax, tf.train's optimisers, float32. It shares no formula with the closed form.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Row, tabulate } from "../oracles/distribution.js";
import type { StepProblem } from "../oracles/objective.js";
import { registerElementaryGradients } from "./elementary-gradients.js";

/** tf.train's optimisers that this offers. */
export type OptimiserName = "sgd" | "momentum" | "adam";

/** So many steps at one learning rate; each stage starts with a fresh optimiser. */
export interface Stage {
  readonly learningRate: number;
  readonly steps: number;
}

/** How to go about it. */
export interface AutodiffRun {
  readonly optimiser: OptimiserName;
  readonly stages: readonly Stage[];
  /** Softmax parameters θ_0, one per token. */
  readonly start: Row;
  /** Sees F and log π before every step: for a figure, or for a test of the path. Costs a read-back a step. */
  readonly onStep?: (step: AutodiffStep) => void;
}

/** One point of the path. */
export interface AutodiffStep {
  readonly step: number;
  readonly objective: number;
  readonly logPolicy: Float64Array;
}

/** Falling learning rates: Adam's steps have the size of the rate, so the last one sets how near it comes. */
export const adamStages: readonly Stage[] = Object.freeze([
  { learningRate: 0.3, steps: 60 },
  { learningRate: 0.03, steps: 100 },
  { learningRate: 0.003, steps: 150 },
  { learningRate: 0.0003, steps: 150 },
]);

/** Runs all stages. @returns log π at the end, normalised in float32 by the backend */
export async function ascendByAutodiff(problem: StepProblem, run: AutodiffRun): Promise<Float64Array> {
  registerElementaryGradients();
  const data = tensorsOf(problem);
  const theta_V = tf.tidy(() => tf.variable(tf.tensor1d(Float32Array.from(run.start))));
  const report = run.onStep && pathReporter(theta_V, run.onStep);
  try {
    for (const stage of run.stages) await runStage(data, theta_V, { ...stage, name: run.optimiser }, report);
    return await readLogPolicy(theta_V);
  } finally {
    tf.dispose([theta_V, data.meanUtility_V, data.logReference_V, data.logCurrent_V]);
  }
}

interface ProblemTensors {
  readonly meanUtility_V: tf.Tensor1D;
  readonly logReference_V: tf.Tensor1D;
  readonly logCurrent_V: tf.Tensor1D;
  readonly lambda: number;
  readonly proximal: number;
}

function tensorsOf({ lambda, proximal, ...rows }: StepProblem): ProblemTensors {
  return {
    meanUtility_V: tf.tensor1d(Float32Array.from(rows.meanUtility)),
    logReference_V: tf.tensor1d(Float32Array.from(rows.logReference)),
    logCurrent_V: tf.tensor1d(Float32Array.from(rows.logCurrent)),
    lambda,
    proximal,
  };
}

type Report = (loss: tf.Scalar) => Promise<void>;

async function runStage(
  problem: ProblemTensors,
  theta_V: tf.Variable,
  stage: Stage & { readonly name: OptimiserName },
  report?: Report,
): Promise<void> {
  const optimiser = createOptimiser(stage.name, stage.learningRate);
  for (let i = 0; i < stage.steps; i++) {
    const { value, grads } = tf.variableGrads(() => loss(problem, theta_V), [theta_V]);
    await report?.(value);
    optimiser.applyGradients(grads);
    tf.dispose([value, ...Object.values(grads)]);
  }
  optimiser.dispose();
}

/** −F(softmax(θ)). */
function loss(problem: ProblemTensors, theta_V: tf.Tensor): tf.Scalar {
  return tf.tidy(() => {
    const logPolicy_V = tf.logSoftmax(theta_V);
    const toReference_V = tf.mul(tf.sub(logPolicy_V, problem.logReference_V), problem.lambda);
    const toCurrent_V = tf.mul(tf.sub(logPolicy_V, problem.logCurrent_V), problem.proximal);
    const value_V = tf.sub(problem.meanUtility_V, tf.add(toReference_V, toCurrent_V));
    return tf.neg(tf.sum<tf.Scalar>(tf.mul(tf.exp(logPolicy_V), value_V)));
  });
}

function createOptimiser(name: OptimiserName, learningRate: number): tf.Optimizer {
  switch (name) {
    case "sgd":
      return tf.train.sgd(learningRate);
    case "momentum":
      return tf.train.momentum(learningRate, 0.9);
    case "adam":
      return tf.train.adam(learningRate);
  }
}

function pathReporter(theta_V: tf.Variable, onStep: NonNullable<AutodiffRun["onStep"]>): Report {
  let step = 0;
  return async (loss) => {
    const [value] = await loss.data();
    onStep({ step, objective: -value!, logPolicy: await readLogPolicy(theta_V) });
    step += 1;
  };
}

async function readLogPolicy(theta_V: tf.Variable): Promise<Float64Array> {
  const logPolicy_V = tf.logSoftmax(theta_V);
  const values = await logPolicy_V.data();
  logPolicy_V.dispose();
  return tabulate(values.length, (a) => values[a]!);
}
