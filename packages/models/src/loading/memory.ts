import { ModelError } from "../errors.js";
import { heldType, storedKernels } from "../weights/stored-kernels.js";
import { piecesOf } from "./pieces.js";
import {
  countElements,
  countParameters,
  type PlannedParameter,
  type PlannedPart,
} from "./plan-parameters.js";
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

/** Bytes of a model's parameters: in float32, packed copies included, or as weights that stay stored are held. */
export function parameterBytes(
  planned: readonly PlannedParameter[],
  weights: WeightStorage,
  matrixCopies: number,
): number {
  const bytesOf = (parameter: PlannedParameter) => {
    if (parameter.form !== "weight") return 4 * countElements(parameter);
    if (weights === "stored") return parameter.parts.reduce((sum, part) => sum + storedBytes(part), 0);
    return 4 * countElements(parameter) * (parameter.uses.multiplied ? matrixCopies : 1);
  };
  return planned.reduce((sum, parameter) => sum + bytesOf(parameter), 0);
}

/** What reading it as stored holds: the file's bytes, but for types that the kernels don't multiply. */
function storedBytes(part: PlannedPart): number {
  return becomesFloat32(part) ? float32Bytes(part) : part.source.byteLength;
}

function becomesFloat32({ source }: PlannedPart): boolean {
  const kernels = storedKernels();
  return kernels !== undefined && heldType(kernels, source.type) !== source.type;
}

const float32Bytes = (part: PlannedPart) => 4 * countElements({ parts: [part] });

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
  const how = weights === "float32" ? `in float32${copies}` : "as the backend holds them";
  throw new ModelError(
    "not-enough-memory",
    `${path} has ${(countParameters(planned) / 1e6).toFixed(0)} million parameters: ${how}, with room to work, it needs ` +
      `${gibibytes(needed)}, and this backend holds ${gibibytes(budget.limitBytes)}. ` +
      `${whyItIsSoMuch(planned, weights, needed)}${waysOut(planned)}`,
  );
}

/** What the file's types have to do with it, where another file or storage would take less. */
function whyItIsSoMuch(planned: readonly PlannedParameter[], weights: WeightStorage, needed: number): string {
  if (weights === "float32")
    return (
      `Its file has ${gibibytes(fileBytes(planned))}, and wasm and webgpu hold most types as the file has them, ` +
      "unless --kernels off is given. "
    );
  const decoded = planned
    .filter(({ form }) => form === "weight")
    .flatMap(({ parts }) => parts.filter(becomesFloat32));
  if (decoded.length === 0) return "";
  const types = [...new Set(decoded.map(({ source }) => source.type))].join(", ");
  const bytes = decoded.reduce((sum, part) => sum + float32Bytes(part), 0);
  const inQ4_0 = needed - bytes + (bytes * 18) / (4 * 32);
  return (
    `${gibibytes(bytes)} of that are weights in ${types}, which become float32, 4 bytes each: a file that has them ` +
    `in Q4_0, which stays as it is, needs ${gibibytes(inQ4_0)}. `
  );
}

/** Where the machine's memory is the limit. */
function waysOut(planned: readonly PlannedParameter[]): string {
  return (
    "Take a smaller model, another backend (see --backend; node needs " +
    `${gibibytes(neededBytes(planned, "float32", 1))} of the machine's memory), or the engine llama.cpp ` +
    `(--engine llama.cpp), which keeps a GGUF file's types: in this file weights are ${gibibytes(fileBytes(planned))}.`
  );
}

function fileBytes(planned: readonly PlannedParameter[]): number {
  const sources = new Set(planned.flatMap(({ parts }) => parts.map(({ source }) => source)));
  return [...sources].reduce((sum, { byteLength }) => sum + byteLength, 0);
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
      `holds tensors of at most ${gibibytes(limitBytes)}. ${waysOut(planned)}`,
  );
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
