/** The policies of answers that share a method: computed on the device, and no more read to the host than is asked for. */
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { notFinite } from "../errors.js";
import { backendPolicies } from "../methods/backend-policies.js";
import { applyMethod, type Method } from "../methods/method.js";
import { mixRows } from "../methods/mixture.js";
import { logPolicy } from "../methods/policy.js";
import type { LogProbabilities } from "../port/log-probabilities.js";
import type { AnswerInProgress } from "./answer-in-progress.js";
import { boundMissing, limitBase } from "./missing-tokens.js";

/** What is read of B answers; the b-th of each is the b-th answer's. */
export interface PolicyBatch {
  /** The most probable column of each policy, the first of equals, and its log-probability; where every answer takes it. */
  readonly best?: { readonly columns: ArrayLike<number>; readonly logProbabilities: ArrayLike<number> };
  /** Whole rows; where an answer chooses otherwise or is explained. */
  readonly policies?: readonly Float32Array[];
  /** γ of each row, from methods that report it. */
  readonly gammas?: ArrayLike<number>;
  /** KL(π ‖ π_pref) in nats; only where an answer asks for it. */
  readonly drifts?: ArrayLike<number>;
  /** Only where an answer is explained, or its rows are told. */
  readonly bases?: readonly Float32Array[];
  readonly preferences?: readonly Float32Array[];
}

/**
 * @param given the log-policies of all session rows, borrowed
 * @throws CoreError `not-finite`
 */
export async function readPolicies(
  answers: readonly AnswerInProgress[],
  given: LogProbabilities,
): Promise<PolicyBatch> {
  const isExplained = answers.some(({ request }) => Boolean(request.explain));
  const takesBest = !isExplained && answers.every(({ request }) => request.choose.isGreedy);
  const readsBoth = isExplained || answers.some(({ request }) => request.reportRows);
  const asksForDrift = answers.some(({ request }) => request.reportDrift);
  const tensors = computePolicies(answers, given, { takesBest, asksForDrift });
  try {
    const [best, policies, gammas, drifts, bases, preferences] = await Promise.all([
      tensors.best && readBest(tensors.best, answers[0]!.currentMethod),
      takesBest ? undefined : readRows(tensors.logPolicy_BC),
      tensors.gamma_B1?.data(),
      tensors.drift_B?.data(),
      readsBoth ? readRows(tensors.logBase_BC) : undefined,
      readsBoth ? readRows(tensors.logPreference_BC) : undefined,
    ]);
    return {
      ...(best && { best }),
      ...(policies && { policies }),
      ...(gammas && { gammas }),
      ...(drifts && { drifts }),
      ...(bases && preferences && { bases, preferences }),
    };
  } finally {
    tf.dispose(tensors);
  }
}

interface Asked {
  readonly takesBest: boolean;
  readonly asksForDrift: boolean;
}

function computePolicies(
  answers: readonly AnswerInProgress[],
  given: LogProbabilities,
  { takesBest, asksForDrift }: Asked,
) {
  const { currentMethod: method, isMixture } = answers[0]!;
  const [R] = given.logs_RC.shape;
  return tf.tidy(() => {
    const baseOf = (logs_RC: Tensor2D) =>
      mixRows(
        logs_RC,
        answers.map((answer) => answer.baseCoefficients(R)),
      );
    const preferenceOf = (logs_RC: Tensor2D) => {
      const mixed_BC = mixRows(
        logs_RC,
        answers.map((answer) => answer.preferenceCoefficients(R)),
      );
      return isMixture ? logPolicy(mixed_BC) : mixed_BC;
    };
    const bounded_RC = boundMissing(given);
    // As they are told of: a token that was not given at the most that it may weigh.
    const [logBase_BC, logPreference_BC] = [baseOf(bounded_RC), preferenceOf(bounded_RC)];
    const isPart = bounded_RC !== given.logs_RC;
    const own_BC = isPart ? preferenceOf(given.logs_RC) : logPreference_BC;
    const against_BC =
      isPart && method.reads === "both" ? limitBase(logBase_BC, own_BC) : baseOf(given.logs_RC);
    const { logPolicy_BV: logPolicy_BC, gamma_B1 } = applyMethod(method, against_BC, own_BC);
    return {
      logPolicy_BC,
      logBase_BC,
      logPreference_BC,
      ...(gamma_B1 && { gamma_B1 }),
      ...(takesBest && { best: findBest(logPolicy_BC) }),
      ...(asksForDrift && { drift_B: driftOf(logPolicy_BC, logPreference_BC) }),
    };
  });
}

function findBest(logPolicy_BC: Tensor2D) {
  const found = backendPolicies()?.best(logPolicy_BC);
  if (found) return { ...found, check_B: tf.clone(found.logProbability_B) };
  return {
    column_B: tf.argMax(logPolicy_BC, 1),
    logProbability_B: tf.max(logPolicy_BC, 1),
    // NaN where anything in the row is.
    check_B: tf.sum(logPolicy_BC, 1),
  };
}

/** KL(π ‖ π_pref) of each row, in nats. */
function driftOf(logPolicy_BC: Tensor2D, logPreference_BC: Tensor2D): Tensor1D {
  return tf.sum(tf.mul(tf.exp(logPolicy_BC), tf.sub(logPolicy_BC, logPreference_BC)), 1);
}

/** @throws CoreError `not-finite`: the arg-max of a policy that holds NaN is some token */
async function readBest(
  { column_B, logProbability_B, check_B }: ReturnType<typeof findBest>,
  { name }: Method,
) {
  const [columns, logProbabilities, checks] = await Promise.all(
    [column_B, logProbability_B, check_B].map((tensor) => tensor.data()),
  );
  if (checks!.some(Number.isNaN) || !logProbabilities!.every(Number.isFinite)) {
    throw notFinite(`The policy of ${name}`);
  }
  return { columns: columns!, logProbabilities: logProbabilities! };
}

async function readRows(logs_BC: Tensor2D): Promise<Float32Array[]> {
  const [B, C] = logs_BC.shape;
  const values = (await logs_BC.data()) as Float32Array;
  return Array.from({ length: B }, (_, b) => values.subarray(b * C, (b + 1) * C));
}
