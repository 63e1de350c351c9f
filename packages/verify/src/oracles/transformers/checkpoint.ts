/** A checkpoint as plain data: what the transformer oracles read. */
import { VerifyError } from "../../errors.js";
import type { Row } from "../distribution.js";

/** One named array of a checkpoint, row-major. */
export interface PlainTensor {
  readonly shape: readonly number[];
  readonly data: Row;
}

/** Tensors under their Hugging Face names. */
export type PlainTensors = ReadonlyMap<string, PlainTensor>;

/** Finds a tensor and checks its shape. @throws VerifyError `bad-checkpoint` */
export function readTensor(tensors: PlainTensors, name: string, shape: readonly number[]): Row {
  const tensor = tensors.get(name);
  if (!tensor) {
    throw new VerifyError(
      "bad-checkpoint",
      `The checkpoint has no tensor "${name}"; expected it with shape [${shape}].`,
    );
  }
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
    throw new VerifyError(
      "bad-checkpoint",
      `Tensor "${name}" has shape [${tensor.shape}]; the config asks for [${shape}].`,
    );
  }
  return tensor.data;
}
