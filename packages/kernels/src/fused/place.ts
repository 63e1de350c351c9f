/** Where fused operations write their jobs down, and what tensors are there. */
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import type { Pool } from "../pool/pool.js";
import { Program } from "../pool/program.js";
import { type Rows, ScratchParts } from "./scratch-parts.js";
import { runOnTensors } from "./tensors.js";

export interface Place {
  readonly program: Program;
  readonly scratch: ScratchParts;
  /** Rows of a tensor that was given; they are there once. One of rank 1 is one row. */
  readonly rowsOf: (tensor: Tensor) => Rows;
  /** The numbers of a tensor that was given. */
  readonly read: (tensor: Tensor) => Float32Array;
}

/**
 * Writes jobs and does them.
 *
 * @param tensors all that are read
 * @param write returns what its jobs leave as the result
 */
export function runIn(pool: Pool, tensors: readonly Tensor[], write: (place: Place) => Rows): Tensor2D {
  return runOnTensors(tensors, (values) => {
    const scratch = new ScratchParts(pool.heap);
    try {
      const place = placeOf(new Program(pool), scratch, tensors, values);
      const result = write(place);
      place.program.run();
      const shape: [number, number] = [result.count, result.width];
      return { results: [{ shape, values: scratch.read(result) }], release: () => scratch.release() };
    } catch (error) {
      scratch.release();
      throw error;
    }
  })[0]!;
}

function placeOf(
  program: Program,
  scratch: ScratchParts,
  tensors: readonly Tensor[],
  values: readonly Float32Array[],
): Place {
  const indices = new Map(tensors.map((tensor, i) => [tensor, i]));
  const read = (tensor: Tensor) => values[indices.get(tensor)!]!;
  const placed = new Map<Tensor, Rows>();
  const rowsOf = (tensor: Tensor) => {
    const rows = placed.get(tensor) ?? scratch.put(read(tensor), tensor.rank === 2 ? tensor.shape[0]! : 1);
    placed.set(tensor, rows);
    return rows;
  };
  return { program, scratch, rowsOf, read };
}
