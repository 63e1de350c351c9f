/** Policies that a caller hands over. */
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { checkGiven, type Kind } from "./given.js";

/** Log-policies and logits: `[B, V]`, float32, with something in it. */
const policies: Kind = {
  expected: "a float32 tensor of [rows, vocabulary], neither of them 0, that is not disposed of",
  holds: (value) =>
    value instanceof tf.Tensor &&
    !value.isDisposed &&
    value.dtype === "float32" &&
    value.rank === 2 &&
    value.size > 0,
};

/** Both log-policies of a batch, of one shape. @throws CoreError `shape-mismatch` */
export function checkPolicies(tensors: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(tensors)) checkGiven(value, policies, name, "shape-mismatch");
  const [first, ...others] = Object.entries(tensors) as [string, tf.Tensor][];
  for (const [name, { shape }] of others) {
    if (shape[0] === first![1].shape[0] && shape[1] === first![1].shape[1]) continue;
    throw new CoreError(
      "shape-mismatch",
      `Policies must have the same rows and vocabulary; ${first![0]} is [${first![1].shape}], ${name} is [${shape}].`,
    );
  }
}
