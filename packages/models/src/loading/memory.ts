import { ModelError } from "../errors.js";
import { countElements, type PlannedParameter } from "./plan-parameters.js";
import { countSlices } from "./read-parameter.js";

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

/** Bytes of a model's parameters in float32, packed copies included. */
export function parameterBytes(planned: readonly PlannedParameter[], matrixCopies: number): number {
  const bytesOf = (parameter: PlannedParameter) =>
    countElements(parameter) * 4 * (parameter.spec.transpose ? matrixCopies : 1);
  return planned.reduce((sum, parameter) => sum + bytesOf(parameter), 0);
}

/** @throws ModelError `not-enough-memory`, with the numbers and the ways out */
export function checkMemory(path: string, planned: readonly PlannedParameter[], budget: MemoryBudget): void {
  checkLargestTensor(path, planned, budget.tensorLimitBytes ?? Number.POSITIVE_INFINITY);
  const needed = parameterBytes(planned, budget.matrixCopies) + headroomBytes;
  if (needed <= budget.limitBytes) return;
  const elements = planned.reduce((sum, parameter) => sum + countElements(parameter), 0);
  const copies =
    budget.matrixCopies === 1 ? "" : `, its matrices ${budget.matrixCopies} times (the backend packs a copy)`;
  throw new ModelError(
    "not-enough-memory",
    `${path} has ${(elements / 1e6).toFixed(0)} million parameters: in float32${copies}, with room to work, it needs ` +
      `${gibibytes(needed)}, and this backend holds ${gibibytes(budget.limitBytes)}. ` +
      "Take a smaller model, or another backend (see --backend).",
  );
}

/** Only what is as long as the vocabulary comes in slices; the largest matrix of a block must fit as it is. */
function checkLargestTensor(path: string, planned: readonly PlannedParameter[], limitBytes: number): void {
  const isTooLarge = (parameter: PlannedParameter) =>
    countSlices(parameter, limitBytes) === 1 && countElements(parameter) * 4 > limitBytes;
  const tooLarge = planned.find(isTooLarge);
  if (!tooLarge) return;
  throw new ModelError(
    "not-enough-memory",
    `${path}: ${tooLarge.path} is one tensor of ${gibibytes(countElements(tooLarge) * 4)} in float32, and this backend ` +
      `holds tensors of at most ${gibibytes(limitBytes)}. Take a smaller model, or another backend (see --backend).`,
  );
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
