/** Core's operations on plain rows, as the laws judge them; tensors live on the backend that runs. */
import * as core from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Row } from "../oracles/distribution.js";
import type { MaskRule } from "../oracles/masks.js";
import type { AlgorithmOperations, AlgorithmSubject } from "../subject.js";

type Rows = (...rows: tf.Tensor2D[]) => tf.Tensor2D;

/** Core under the laws of the algorithm. */
export const coreSubject: AlgorithmSubject & AlgorithmOperations = {
  name: "core",
  unitRoundoff: 2 ** -24,
  budgetSlack: core.budgetReserve,
  guidanceScale: core.guidanceScale,
  strengthNames: core.strengthNames,
  solveStrength,
  logPolicy: (logits) => onRow([logits], (logits_BV) => core.logPolicy(logits_BV!)),
  closedFormStep: ({ meanUtility, logReference, logCurrent }, { t, ...weights }) =>
    onRow([meanUtility, logReference, logCurrent], (meanUtility_BV, logReference_BV, logCurrent_BV) =>
      core.closedFormStep(
        { meanUtility_BV: meanUtility_BV!, logReference_BV: logReference_BV!, logCurrent_BV: logCurrent_BV! },
        t,
        weights,
      ),
    ),
  amuletLoop: (logBase, logPreference, parameters) =>
    onRow([logBase, logPreference], (base_BV, preference_BV) =>
      core.amuletLoop(base_BV!, preference_BV!, parameters),
    ),
  amuletLoopRows: (logBases, logPreferences, parameters) =>
    onRows([logBases, logPreferences], (base_BV, preference_BV) =>
      core.amuletLoop(base_BV!, preference_BV!, parameters),
    ),
  amuletCollapsed: (logBase, logPreference, parameters) =>
    onRow([logBase, logPreference], (base_BV, preference_BV) =>
      core.amuletCollapsed(base_BV!, preference_BV!, parameters),
    ),
  linearAlignment: (logBase, logPreference, ratio) =>
    onRow([logBase, logPreference], (base_BV, preference_BV) =>
      core.extrapolate(base_BV!, preference_BV!, ratio),
    ),
  boundedTilt: (logBase, logPreference, { nats, largestGamma }) =>
    onMethod(core.boundedMethod(nats, largestGamma), logBase, logPreference),
  adaCad: (logBase, logPreference, warmup) => onMethod(core.adaCadMethod(warmup), logBase, logPreference),
  gate: (logBase, logPreference, thresholds, ratio) =>
    onMethod(core.nwcadMethod(thresholds, core.linearAlignmentMethod(ratio)), logBase, logPreference),
  maskedAlignment: async (logBase, logPreference, ratio, rule) => {
    const method = maskers[rule.kind](core.linearAlignmentMethod(ratio), rule.value);
    return (await onMethod(method, logBase, logPreference)).logPolicy;
  },
  transferDelta: ({ logLarge, logSmallBase, logSmallPreference }, strength) =>
    onRow([logLarge, logSmallBase, logSmallPreference], (large_BV, base_BV, preference_BV) => {
      const reached_BV = core.transferDelta(large_BV!, base_BV!, preference_BV!);
      const result_BV = core.extrapolate(large_BV!, reached_BV, strength - 1);
      reached_BV.dispose();
      return result_BV;
    }),
  coSteerScale: core.coSteerScale,
  sample: (logPolicy, { count, seed }) => draw(logPolicy, count, { temperature: 1, seed }),
  sampleTruncated: (logPolicy, { count, ...options }) => draw(logPolicy, count, options),
  countTensors: () => tf.memory().numTensors,
};

function solveStrength(
  name: keyof core.AmuletParameters,
  scale: number,
  parameters: core.AmuletParameters,
): number {
  switch (name) {
    case "iterations":
      return core.iterationsFor(scale, parameters).nearest.iterations;
    case "alpha":
      return core.alphaFor(scale, parameters);
    case "lambda":
      return core.lambdaFor(scale, parameters);
    case "eta":
      return core.etaFor(scale, parameters);
  }
}

const maskers: Record<MaskRule["kind"], (method: core.Method, value: number) => core.Method> = {
  nucleus: core.withPlausibility,
  "min-p": core.withMinP,
  "top-n-sigma": core.withTopNSigma,
};

/** A method's policy, and the γ that it reports. */
async function onMethod(method: core.Method, logBase: Row, logPreference: Row) {
  const [logBase_BV, logPreference_BV] = [toTensor([logBase]), toTensor([logPreference])];
  const { logPolicy_BV, gamma_B1 } = core.applyMethod(method, logBase_BV, logPreference_BV);
  const [logPolicy, gammas] = [await logPolicy_BV.data<"float32">(), await gamma_B1?.data()];
  tf.dispose([logBase_BV, logPreference_BV, logPolicy_BV, ...(gamma_B1 ? [gamma_B1] : [])]);
  return { gamma: gammas?.[0] ?? Number.NaN, logPolicy };
}

function draw(logPolicy: Row, count: number, options: core.SamplingOptions): number[] {
  const choose = core.createChooser(options);
  const row = Float32Array.from(logPolicy);
  return Array.from({ length: count }, () => choose(row, { generated: [], endTokens: new Set() }));
}

/**
 * Runs a tensor operation on rows of one vocabulary, one batch for each argument, and reads the result back. No tidy
 * hides what the operation leaves behind.
 */
async function onRows(inputs: readonly (readonly Row[])[], operation: Rows): Promise<Float32Array[]> {
  const tensors = inputs.map(toTensor);
  const result_BV = operation(...tensors);
  const width = result_BV.shape[1];
  const values = Float32Array.from(await result_BV.data());
  tf.dispose([result_BV, ...tensors]);
  return inputs[0]!.map((_, row) => values.slice(row * width, (row + 1) * width));
}

async function onRow(inputs: readonly Row[], operation: Rows): Promise<Float32Array> {
  const [row] = await onRows(
    inputs.map((input) => [input]),
    operation,
  );
  return row!;
}

function toTensor(rows: readonly Row[]): tf.Tensor2D {
  const width = rows[0]!.length;
  const values = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) values.set(row, index * width);
  return tf.tensor2d(values, [rows.length, width]);
}
