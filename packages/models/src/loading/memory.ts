import { ModelError } from "../errors.js";
import { piecesOf } from "./pieces.js";
import { countElements, countParameters, type PlannedParameter } from "./plan-parameters.js";
import type { WeightStorage } from "./read-parameter.js";

/** What the backend can hold; `startBackend` of @amulet-ts/backends tells it. */
export interface MemoryBudget {
  readonly limitBytes: number;
  /** How often a matrix lies in that memory once it has been multiplied with (2 where a packed copy is kept). */
  readonly matrixCopies: number;
  /** Bytes that one tensor may have (WebGPU's buffers); absent where only the sum is limited. */
  readonly tensorLimitBytes?: number;
}

/** Left for activations, caches and what a heap loses between its blocks. */
const headroomBytes = 256 * 2 ** 20;

/** Bytes of a model's parameters: in float32, packed copies included, or, of weights that stay stored, the file's. */
export function parameterBytes(
  planned: readonly PlannedParameter[],
  weights: WeightStorage,
  matrixCopies: number,
): number {
  const bytesOf = (parameter: PlannedParameter) => {
    if (parameter.form !== "weight") return 4 * countElements(parameter);
    if (weights === "stored") return parameter.parts.reduce((sum, { source }) => sum + source.byteLength, 0);
    return 4 * countElements(parameter) * (parameter.uses.multiplied ? matrixCopies : 1);
  };
  return planned.reduce((sum, parameter) => sum + bytesOf(parameter), 0);
}

/** Of a model at work. */
export function neededBytes(
  planned: readonly PlannedParameter[],
  weights: WeightStorage,
  matrixCopies: number,
): number {
  return parameterBytes(planned, weights, matrixCopies) + headroomBytes;
}

/** @throws ModelError `not-enough-memory`, with the numbers and the ways out */
export function checkMemory(
  path: string,
  planned: readonly PlannedParameter[],
  weights: WeightStorage,
  budget: MemoryBudget,
): void {
  if (weights === "float32")
    checkLargestTensor(path, planned, budget.tensorLimitBytes ?? Number.POSITIVE_INFINITY);
  const needed = neededBytes(planned, weights, budget.matrixCopies);
  if (needed <= budget.limitBytes) return;
  const copies =
    budget.matrixCopies === 1 ? "" : `, its matrices ${budget.matrixCopies} times (the backend packs a copy)`;
  const how = weights === "float32" ? `in float32${copies}` : "as the file stores them";
  throw new ModelError(
    "not-enough-memory",
    `${path} has ${(countParameters(planned) / 1e6).toFixed(0)} million parameters: ${how}, with room to work, it needs ` +
      `${gibibytes(needed)}, and this backend holds ${gibibytes(budget.limitBytes)}. ` +
      "Take a smaller model, or another backend (see --backend).",
  );
}

/** Weights are cut along their outputs; what is left must fit as it is. */
function checkLargestTensor(path: string, planned: readonly PlannedParameter[], limitBytes: number): void {
  const largest = (parameter: PlannedParameter) =>
    4 * piecesOf(parameter, limitBytes).reduce((most, parts) => Math.max(most, countElements({ parts })), 0);
  const tooLarge = planned.find((parameter) => largest(parameter) > limitBytes);
  if (!tooLarge) return;
  throw new ModelError(
    "not-enough-memory",
    `${path}: of ${tooLarge.paths[0]} one tensor has ${gibibytes(largest(tooLarge))} in float32, and this backend ` +
      `holds tensors of at most ${gibibytes(limitBytes)}. Take a smaller model, or another backend (see --backend).`,
  );
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
