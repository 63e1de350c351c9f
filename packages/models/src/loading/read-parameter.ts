/** One parameter's numbers, from the file to where they are used. */
import { throwIfAborted, yieldToHost } from "@amulet-ts/core";
import type { StoredRows } from "@amulet-ts/files";
import { type Tensor, type Tensor2D, tensor1d, tensor2d, tidy, zeros } from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.js";
import { joinWeights } from "../weights/joined-weight.js";
import { type EmptyWeight, heldType, type StoredKernels, storedKernels } from "../weights/stored-kernels.js";
import { StoredWeight } from "../weights/stored-weight.js";
import { liesByRows, TensorWeight } from "../weights/tensor-weight.js";
import type { Weight } from "../weights/weight.js";
import type { Parameter } from "./parameter-tree.js";
import { inPieces, piecesOf } from "./pieces.js";
import { placeColumns } from "./place-columns.js";
import type { PlannedParameter, PlannedPart } from "./plan-parameters.js";
import { orderRows, rowOrder, turnMatrix } from "./row-order.js";

/** How weights are held: as float32 tensors, or in the file's own bytes, which kernels multiply as they are. */
export type WeightStorage = "float32" | "stored";

/** Where nothing else was asked for. */
export function usualStorage(): WeightStorage {
  return storedKernels() ? "stored" : "float32";
}

export interface ReadOptions {
  readonly weights: WeightStorage;
  /** What one tensor may have; a weight that is larger comes in several. */
  readonly tensorLimitBytes: number;
  readonly signal?: AbortSignal;
}

export async function readParameter(planned: PlannedParameter, options: ReadOptions): Promise<Parameter> {
  if (planned.form === "numbers") return planned.parts[0]!.source.read();
  if (planned.form === "vector") return readVector(planned.parts);
  if (options.weights === "stored") return readWeight(planned.parts, readStored, options);
  const pieces = piecesOf(planned, options.tensorLimitBytes);
  return readWeight(pieces, (parts) => readTensor({ ...planned, parts }, options.signal), options);
}

/** Reads a weight's pieces and joins them. On an error none is left behind. */
async function readWeight<Piece>(
  pieces: readonly Piece[],
  read: (piece: Piece, signal: AbortSignal | undefined) => Promise<Weight>,
  { signal }: ReadOptions,
): Promise<Weight> {
  const weights: Weight[] = [];
  try {
    for (const piece of pieces) {
      throwIfAborted(signal, "Loading the model");
      weights.push(await read(piece, signal));
    }
    return joinWeights(weights);
  } catch (error) {
    for (const weight of weights) weight.dispose();
    throw error;
  }
}

async function readVector(parts: readonly PlannedPart[]): Promise<Tensor> {
  const joined = new Float32Array(parts.reduce((sum, { source }) => sum + source.shape[0]!, 0));
  let start = 0;
  for (const part of parts) {
    const values = await part.source.read();
    for (const [row, place] of rowOrder(part).entries()) joined[start + place] = values[row]! + part.offset;
    start += values.length;
  }
  return tensor1d(joined);
}

/** In the order that its uses want; what lies by rows is one tensor of the file as it is. */
async function readTensor({ parts, uses }: PlannedParameter, signal?: AbortSignal): Promise<Weight> {
  const [part] = parts as readonly [PlannedPart];
  const tensor = liesByRows(uses)
    ? { rows_OI: tensor2d(await readNumbers(part, signal), shapeOf(part)) }
    : { columns_IO: await readColumns(parts, signal) };
  const weight = new TensorWeight(tensor);
  if (uses.multiplied) await multiplyOnce(weight);
  return weight;
}

/** A backend packs a matrix when it is multiplied with first: here one at a time, not all in one step. */
async function multiplyOnce(weight: Weight): Promise<void> {
  await yieldToHost();
  try {
    tidy(() => void weight.multiply(zeros([1, weight.inputs])));
  } catch (error) {
    weight.dispose();
    throw error;
  }
}

async function readNumbers({ source }: PlannedPart, signal?: AbortSignal): Promise<Float32Array> {
  const [rows, columns] = source.shape as readonly [number, number];
  const values = numbersOf(rows * columns, source.name);
  for await (const { first, end } of inPieces([rows, columns], signal))
    values.set(await source.readRows(first, end - first), first * columns);
  return values;
}

async function readColumns(parts: readonly PlannedPart[], signal?: AbortSignal): Promise<Tensor2D> {
  const [inputs] = inputsAndOutputs(parts[0]!);
  const outputs = parts.reduce((sum, part) => sum + inputsAndOutputs(part)[1], 0);
  const values = numbersOf(inputs * outputs, parts[0]!.source.name);
  let column = 0;
  for (const part of parts) {
    await placeColumns(values, outputs, column, part, signal);
    column += inputsAndOutputs(part)[1];
  }
  return tensor2d(values, [inputs, outputs]);
}

/** By the backend's kernels, where it has some, and otherwise in JavaScript's memory. */
async function readStored(part: PlannedPart, signal?: AbortSignal): Promise<Weight> {
  const kernels = storedKernels();
  return kernels ? readForKernels(part, kernels, signal) : readForDecoding(part, signal);
}

/** Types that the kernels don't know come as float32; memory.ts counts them so. */
async function readForKernels(
  part: PlannedPart,
  kernels: StoredKernels,
  signal?: AbortSignal,
): Promise<Weight> {
  const { source, inputsFirst } = part;
  const [inputs, outputs] = inputsAndOutputs(part);
  const type = heldType(kernels, source.type);
  const isKnown = type === source.type;
  const weight = kernels.hold(type, outputs, inputs);
  try {
    const read = async (first: number, count: number) =>
      isKnown ? (await source.readStored(first, count)).bytes : bytesOf(await source.readRows(first, count));
    if (inputsFirst) {
      const bytes = await read(0, inputs);
      weight.write(0, turnMatrix(bytes, shapeOf(part), bytes.length / (inputs * outputs)));
      return weight;
    }
    const order = rowOrder(part);
    for await (const { first, end } of inPieces(shapeOf(part), signal))
      writeRows(weight, await read(first, end - first), order.subarray(first, end));
    return weight;
  } catch (error) {
    weight.dispose();
    throw error;
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** @param places the row of ours for each */
function writeRows(weight: EmptyWeight, rows: Uint8Array, places: Uint32Array): void {
  const areInOrder = places.every((place, row) => place === places[0]! + row);
  const together = areInOrder ? places.length : 1;
  const rowBytes = rows.length / places.length;
  for (let row = 0; row < places.length; row += together)
    weight.write(places[row]!, rows.subarray(row * rowBytes, (row + together) * rowBytes));
}

async function readForDecoding(part: PlannedPart, signal?: AbortSignal): Promise<Weight> {
  const { type, bytes } = await readBytes(part, signal);
  const [inputs, outputs] = inputsAndOutputs(part);
  const rows = part.inputsFirst
    ? turnMatrix(bytes, shapeOf(part), type.bytesPerBlock)
    : orderRows(bytes, rowOrder(part));
  return new StoredWeight(type, rows, [outputs, inputs]);
}

async function readBytes({ source }: PlannedPart, signal?: AbortSignal): Promise<StoredRows> {
  const [rows, columns] = source.shape as readonly [number, number];
  const bytes = new Uint8Array(
    numbersOf(Math.ceil(source.byteLength / 4), source.name).buffer,
    0,
    source.byteLength,
  );
  let type: StoredRows["type"] | undefined;
  for await (const { first, end } of inPieces([rows, columns], signal)) {
    const some = await source.readStored(first, end - first);
    bytes.set(some.bytes, first * (source.byteLength / rows));
    type = some.type;
  }
  return { type: type!, bytes };
}

function numbersOf(count: number, name: string): Float32Array<ArrayBuffer> {
  try {
    return new Float32Array(count);
  } catch (cause) {
    const message = `${name} takes ${((4 * count) / 2 ** 30).toFixed(1)} GiB, more than one array can hold: take a smaller model, or the engine llama.cpp (--engine llama.cpp).`;
    throw new ModelError("not-enough-memory", message, { cause });
  }
}

function inputsAndOutputs(part: PlannedPart): readonly [inputs: number, outputs: number] {
  const [first, second] = shapeOf(part);
  return part.inputsFirst ? [first, second] : [second, first];
}

function shapeOf({ source }: PlannedPart): [number, number] {
  return source.shape as [number, number];
}
