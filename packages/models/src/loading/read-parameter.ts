/** One parameter's numbers, from the file to the backend. */

import type { TensorSource } from "@amulet-ts/files";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { TensorSpec } from "../family.js";
import type { Parameter } from "./parameter-tree.js";
import { placeColumns } from "./place-columns.js";
import { type Format, isTransposed, type PlannedParameter } from "./plan-parameters.js";

/**
 * In how many slices along the vocabulary a parameter is loaded where a tensor may have so many bytes. 1 for those that
 * can't be cut, and where not even one token fits.
 */
export function countSlices({ spec, sources }: PlannedParameter, tensorLimitBytes: number): number {
  const [V, D = 1] = sources[0]!.shape as readonly [number, number?];
  const tokens = Math.floor(tensorLimitBytes / (4 * D));
  return spec.inSlices && tokens > 0 ? Math.max(1, Math.ceil(V / tokens)) : 1;
}

export async function readParameter(
  planned: PlannedParameter,
  sliceCount: number,
  signal?: AbortSignal,
): Promise<Parameter> {
  if (planned.spec.onHost) return planned.sources[0]!.read();
  return sliceCount === 1 ? readTensor(planned) : readSlices(planned, sliceCount, signal);
}

async function readSlices(
  planned: PlannedParameter,
  sliceCount: number,
  signal?: AbortSignal,
): Promise<Tensor[]> {
  const source = planned.sources[0]!;
  const rows = Math.ceil(source.shape[0]! / sliceCount);
  const slices: Tensor[] = [];
  try {
    for (let first = 0; first < source.shape[0]!; first += rows) {
      signal?.throwIfAborted();
      slices.push(await readTensor({ ...planned, sources: [sliceSource(source, first, rows)] }));
    }
    return slices;
  } catch (error) {
    tf.dispose(slices);
    throw error;
  }
}

/** Rows `[first, first + count)` of a tensor of the checkpoint, as far as it has them. */
function sliceSource(source: TensorSource, first: number, count: number): TensorSource {
  const [rows, ...rest] = source.shape as readonly [number, ...number[]];
  const own = Math.min(count, rows - first);
  return {
    name: source.name,
    type: source.type,
    shape: [own, ...rest],
    byteLength: (source.byteLength / rows) * own,
    read: () => source.readRows(first, own),
    readRows: (from, some) => source.readRows(first + from, some),
    readStored: (from = 0, some = own - from) => source.readStored(first + from, some),
  };
}

async function readTensor(planned: PlannedParameter): Promise<Tensor> {
  const { spec, sources, format } = planned;
  const transpose = isTransposed(planned);
  if (!transpose && sources.length === 1)
    return tf.tensor(await readShifted(sources[0]!, spec.parts[0]!, format), [...sources[0]!.shape]);
  const inputs = sources[0]!.shape[1] ?? 1;
  const outputs = sources.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const values = new Float32Array(inputs * outputs);
  let column = 0;
  for (const [i, source] of sources.entries()) {
    const order = columnOrder(spec.parts[i]!, format, source.shape[0]!).map((row) => row + column);
    await placeColumns(values, outputs, order, source, shiftOf(spec.parts[i]!, format));
    column += order.length;
  }
  return tf.tensor(values, transpose ? [inputs, outputs] : [outputs]);
}

async function readShifted(source: TensorSource, part: TensorSpec, format: Format): Promise<Float32Array> {
  const values = await source.read();
  const shift = shiftOf(part, format);
  return shift === 0 ? values : values.map((value) => value + shift);
}

function shiftOf({ offset = 0 }: TensorSpec, format: Format): number {
  return format === "gguf" ? 0 : offset;
}

/** For each row of the file the row of ours: the same, unless llama.cpp interleaved the two halves of each head. */
function columnOrder({ interleavedHeads }: TensorSpec, format: Format, rows: number): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, row) => row);
  if (interleavedHeads === undefined || format !== "gguf") return order;
  const headWidth = rows / interleavedHeads;
  return order.map((row) => {
    const channel = row % headWidth;
    return row - channel + (channel >> 1) + (channel % 2) * (headWidth / 2);
  });
}
