/** From what an engine gives to normalised log-policies. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { logPolicy } from "../methods/policy.js";
import { type Columns, readColumns } from "./columns.js";
import type { Next } from "./session.js";

/** Normalised log-probabilities of R positions over C columns; the holder owns the tensors. */
export interface LogProbabilities {
  readonly logs_RC: Tensor2D;
  /** log of the probability that has no column, `[R, 1]`; absent where nothing is missing. */
  readonly logRest_R1?: Tensor2D;
  /** See `Next`. */
  readonly mostOfRest_R?: ArrayLike<number>;
  readonly columns: Columns;
}

/** How much probability an engine gave columns to; the rest it left out. Where one prompt is read, both are that one's. */
export interface SeenMass {
  readonly base: number;
  readonly preference: number;
}

/** Normalises over the columns and the rest; uses `next` up. */
export function normaliseNext({ logits_RC, ids_C, rest_R1, mostOfRest_R }: Next): LogProbabilities {
  const columns = readColumns(logits_RC.shape[1], ids_C);
  try {
    if (!rest_R1) return { logs_RC: logPolicy(logits_RC), columns };
    return { ...normaliseWithRest(logits_RC, rest_R1), ...(mostOfRest_R && { mostOfRest_R }), columns };
  } finally {
    disposeNext({ logits_RC, ...(rest_R1 && { rest_R1 }) });
  }
}

function normaliseWithRest(logits_RC: Tensor2D, rest_R1: Tensor2D) {
  const [R, C] = logits_RC.shape;
  return tf.tidy(() => {
    const logs_RW = logPolicy(tf.concat([logits_RC, rest_R1], 1));
    return { logs_RC: tf.slice(logs_RW, [0, 0], [R, C]), logRest_R1: tf.slice(logs_RW, [0, C], [R, 1]) };
  });
}

export function disposeNext({ logits_RC, rest_R1 }: Pick<Next, "logits_RC" | "rest_R1">): void {
  logits_RC.dispose();
  rest_R1?.dispose();
}

export function disposeLogProbabilities({ logs_RC, logRest_R1 }: LogProbabilities): void {
  logs_RC.dispose();
  logRest_R1?.dispose();
}
