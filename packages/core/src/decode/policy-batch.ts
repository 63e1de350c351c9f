import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { applyMethod } from "../methods/method.js";
import { mixRows } from "../methods/mixture.js";
import { logPolicy } from "../methods/policy.js";
import type { AnswerInProgress } from "./answer-in-progress.js";

/** Log-policies of answers that share a method, read to the host; the i-th of each is the i-th answer's. */
export interface PolicyBatch {
  readonly policies: readonly Float32Array[];
  /** γ of each row, from methods that report it. */
  readonly gammas?: ArrayLike<number>;
  /** Only where an answer is explained. */
  readonly bases?: readonly Float32Array[];
  readonly preferences?: readonly Float32Array[];
}

/** @param logs_RV the log-policies of all session rows, borrowed */
export async function readPolicies(
  answers: readonly AnswerInProgress[],
  logs_RV: Tensor2D,
): Promise<PolicyBatch> {
  const isExplained = answers.some(({ request }) => Boolean(request.explain));
  const { logPolicy_BV, gamma_B1, logBase_BV, logPreference_BV } = computePolicies(answers, logs_RV);
  const [policies, gammas, bases, preferences] = await Promise.all([
    readRows(logPolicy_BV),
    gamma_B1?.data(),
    isExplained ? readRows(logBase_BV) : undefined,
    isExplained ? readRows(logPreference_BV) : undefined,
  ]);
  tf.dispose([logPolicy_BV, logBase_BV, logPreference_BV, ...(gamma_B1 ? [gamma_B1] : [])]);
  return {
    policies,
    ...(gammas && { gammas }),
    ...(bases && preferences && { bases, preferences }),
  };
}

function computePolicies(answers: readonly AnswerInProgress[], logs_RV: Tensor2D) {
  const { method, isMixture } = answers[0]!;
  const [R] = logs_RV.shape;
  return tf.tidy(() => {
    const logBase_BV = mixRows(
      logs_RV,
      answers.map((answer) => answer.baseCoefficients(R)),
    );
    const mixed_BV = mixRows(
      logs_RV,
      answers.map((answer) => answer.preferenceCoefficients(R)),
    );
    const logPreference_BV = isMixture ? logPolicy(mixed_BV) : mixed_BV;
    const policy = applyMethod(method, logBase_BV, logPreference_BV);
    return { gamma_B1: undefined, ...policy, logBase_BV, logPreference_BV };
  });
}

async function readRows(logs_BV: Tensor2D): Promise<Float32Array[]> {
  const [B, V] = logs_BV.shape;
  const values = (await logs_BV.data()) as Float32Array;
  return Array.from({ length: B }, (_, i) => values.subarray(i * V, (i + 1) * V));
}
