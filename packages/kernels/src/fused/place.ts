/** Where fused operations write their jobs down, and what tensors are there. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { type Rows, ScratchParts } from "../memory/scratch-parts.js";
import type { Pool } from "../pool/pool.js";
import { Program } from "../pool/program.js";
import { runOnTensors } from "./tensors.js";

export interface Place {
  readonly program: Program;
  readonly scratch: ScratchParts;
}

/**
 * Writes jobs over rows of tensors, and does them.
 *
 * @param write gets copies, which it may change, and returns what its jobs leave as the result
 */
export function runIn(
  pool: Pool,
  tensors: readonly Tensor2D[],
  write: (place: Place, ...rows: Rows[]) => Rows,
): Tensor2D {
  return runOnTensors(tensors, (values) => {
    const scratch = new ScratchParts(pool.heap);
    try {
      const program = new Program(pool);
      const rows = tensors.map(({ shape }, i) => scratch.put(values[i]!, shape[0]));
      const result = write({ program, scratch }, ...rows);
      program.run();
      const shape: [number, number] = [result.count, result.width];
      return { results: [{ shape, values: scratch.read(result) }], release: () => scratch.release() };
    } catch (error) {
      scratch.release();
      throw error;
    }
  })[0]!;
}
