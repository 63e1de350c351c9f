/** One parameter's numbers, from the file to where they are used. */
import { throwIfAborted } from "@amulet-ts/core";
import { type Tensor, type Tensor2D, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { joinWeights } from "../weights/joined-weight.js";
import { StoredWeight } from "../weights/stored-weight.js";
import { liesByRows, TensorWeight } from "../weights/tensor-weight.js";
import type { Weight } from "../weights/weight.js";
import type { Parameter } from "./parameter-tree.js";
import { piecesOf } from "./pieces.js";
import { placeColumns } from "./place-columns.js";
import type { PlannedParameter, PlannedPart } from "./plan-parameters.js";
import { orderRows, rowOrder, turnMatrix } from "./row-order.js";

/** How weights are held: as float32 tensors, or in the file's own bytes, decoded at every use. */
export type WeightStorage = "float32" | "stored";

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
  return readWeight(pieces, (parts) => readTensor({ ...planned, parts }), options);
}

/** Reads a weight's pieces and joins them. On an error none is left behind. */
async function readWeight<Piece>(
  pieces: readonly Piece[],
  read: (piece: Piece) => Promise<Weight>,
  { signal }: ReadOptions,
): Promise<Weight> {
  const weights: Weight[] = [];
  try {
    for (const piece of pieces) {
      throwIfAborted(signal, "Loading the model");
      weights.push(await read(piece));
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
async function readTensor({ parts, uses }: PlannedParameter): Promise<Weight> {
  if (!liesByRows(uses)) return new TensorWeight({ columns_IO: await readColumns(parts) });
  const [part] = parts as readonly [PlannedPart];
  return new TensorWeight({ rows_OI: tensor2d(await part.source.read(), shapeOf(part)) });
}

async function readColumns(parts: readonly PlannedPart[]): Promise<Tensor2D> {
  const [inputs] = inputsAndOutputs(parts[0]!);
  const outputs = parts.reduce((sum, part) => sum + inputsAndOutputs(part)[1], 0);
  const values = new Float32Array(inputs * outputs);
  let column = 0;
  for (const part of parts) {
    await placeColumns(values, outputs, column, part);
    column += inputsAndOutputs(part)[1];
  }
  return tensor2d(values, [inputs, outputs]);
}

async function readStored(part: PlannedPart): Promise<Weight> {
  const { type, bytes } = await part.source.readStored();
  const [inputs, outputs] = inputsAndOutputs(part);
  const rows = part.inputsFirst
    ? turnMatrix(bytes, shapeOf(part), type.bytesPerBlock)
    : orderRows(bytes, rowOrder(part));
  return new StoredWeight(type, rows, [outputs, inputs]);
}

function inputsAndOutputs(part: PlannedPart): readonly [inputs: number, outputs: number] {
  const [first, second] = shapeOf(part);
  return part.inputsFirst ? [first, second] : [second, first];
}

function shapeOf({ source }: PlannedPart): [number, number] {
  return source.shape as [number, number];
}
