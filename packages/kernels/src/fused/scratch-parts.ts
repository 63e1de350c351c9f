/** Parts of the kernels' memory that one piece of work needs and gives back together. */
import type { Heap } from "../memory/heap.js";
import { type HeldRows, paddedRow } from "../weights/product.js";

/** Rows of activations, each padded to a multiple of eight numbers by zeros. */
export interface Rows extends HeldRows {
  readonly width: number;
  readonly rowBytes: number;
}

export class ScratchParts {
  private readonly held: number[] = [];

  constructor(private readonly heap: Heap) {}

  /** Uninitialised. */
  floats(count: number): number {
    const at = this.heap.allocate(4 * count);
    this.held.push(at);
    return at;
  }

  /** Room for rows, whose padding is zero. */
  rows(count: number, width: number): Rows {
    const padded = paddedRow(width);
    const at = this.floats(count * padded);
    if (padded !== width) this.heap.floats(at, count * padded).fill(0);
    return { at, count, width, rowBytes: 4 * padded };
  }

  /** Values, row after row, put there. */
  put(values: Float32Array, count: number): Rows {
    const rows = this.rows(count, values.length / count);
    const { at, width, rowBytes } = rows;
    const padded = rowBytes / 4;
    const target = this.heap.floats(at, count * padded);
    if (padded === width) target.set(values);
    else for (let n = 0; n < count; n++) target.set(values.subarray(n * width, (n + 1) * width), n * padded);
    return rows;
  }

  /** Rows as values without padding. */
  read({ at, count, width, rowBytes }: Rows): Float32Array {
    const padded = rowBytes / 4;
    const all = this.heap.floats(at, count * padded);
    if (padded === width) return all;
    const values = new Float32Array(count * width);
    for (let n = 0; n < count; n++) values.set(all.subarray(n * padded, n * padded + width), n * width);
    return values;
  }

  release(): void {
    for (const at of this.held) this.heap.release(at);
  }
}
