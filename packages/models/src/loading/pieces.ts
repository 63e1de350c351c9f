/** Parts of a weight: what one tensor of the backend may have, and what is read of a file at once. */
import { throwIfAborted, yieldToHost } from "@amulet-ts/core";
import type { TensorSource } from "@amulet-ts/files";
import { countElements, type PlannedParameter, type PlannedPart } from "./plan-parameters.js";

/**
 * The tensors that a parameter comes in where one may have so many bytes: what each is made of. A weight that fits comes
 * in one; what cannot be cut (a vector, one output of a weight, a head, a matrix that the file has with inputs first)
 * comes as it is.
 */
export function piecesOf(planned: PlannedParameter, tensorLimitBytes: number): readonly PlannedPart[][] {
  const { form, parts } = planned;
  if (form !== "weight" || 4 * countElements(planned) <= tensorLimitBytes) return [[...parts]];
  return parts.flatMap((part) => cutPart(part, tensorLimitBytes)).map((part) => [part]);
}

function cutPart(part: PlannedPart, limitBytes: number): PlannedPart[] {
  const [rows, columns] = part.source.shape as readonly [number, number];
  // llama.cpp interleaves rows within heads, which therefore stay whole.
  const unit = part.interleavedHeads === undefined ? 1 : rows / part.interleavedHeads;
  const most = Math.floor(limitBytes / (4 * columns * unit)) * unit;
  if (part.inputsFirst || most === 0) return [part];
  const count = Math.ceil(rows / most);
  const rowsOfEach = Math.ceil(rows / count / unit) * unit;
  const cut: PlannedPart[] = [];
  for (let first = 0; first < rows; first += rowsOfEach) {
    const source = sliceSource(part.source, first, Math.min(rowsOfEach, rows - first));
    const heads = part.interleavedHeads && { interleavedHeads: source.shape[0]! / unit };
    cut.push({ ...part, source, ...heads });
  }
  return cut;
}

/** Rows `[first, first + count)` of a tensor of the checkpoint. */
function sliceSource(source: TensorSource, first: number, count: number): TensorSource {
  const [rows, ...rest] = source.shape as readonly [number, ...number[]];
  return {
    name: source.name,
    type: source.type,
    shape: [count, ...rest],
    byteLength: (source.byteLength / rows) * count,
    read: () => source.readRows(first, count),
    readRows: (from, some) => source.readRows(first + from, some),
    readStored: (from = 0, some = count - from) => source.readStored(first + from, some),
  };
}

/** Numbers that are read and decoded at once: some milliseconds. */
const numbersAtOnce = 2 ** 20;

/** Rows `[first, end)` of a matrix. */
export interface RowRange {
  readonly first: number;
  readonly end: number;
}

/**
 * The rows of a matrix in pieces of about a million numbers.
 *
 * @param atLeast rows of a piece, where there are so many
 * @throws CoreError `aborted`
 */
export async function* inPieces(
  [rows, columns]: readonly [rows: number, columns: number],
  signal: AbortSignal | undefined,
  atLeast = 1,
): AsyncGenerator<RowRange, void, void> {
  const count = Math.max(atLeast, Math.floor(numbersAtOnce / columns));
  for (let first = 0; first < rows; first += count) {
    await yieldToHost();
    throwIfAborted(signal, "Loading the model");
    yield { first, end: Math.min(rows, first + count) };
  }
}
