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
  /** Rows, and others, that went with their turn, by their sizes. */
  private readonly spare = new Map<string, number[]>();
  /** Those of the turn that is. */
  private taken: { readonly sizes: string; readonly at: number }[] = [];

  constructor(private readonly heap: Heap) {}

  /**
   * What is written in a turn takes the rooms of earlier turns. Jobs run in the order in which they are written, so that what a
   * turn leaves there must be of no matter to the next; what is put somewhere at once stays to the end.
   */
  inTurn(write: () => void): void {
    write();
    for (const { sizes, at } of this.taken) this.spare.set(sizes, [...(this.spare.get(sizes) ?? []), at]);
    this.taken = [];
  }

  /** Room for jobs to write to, uninitialised. */
  floats(count: number): number {
    return this.take(String(count), count);
  }

  /** Room for rows, whose padding is zero. */
  rows(count: number, width: number): Rows {
    const padded = paddedRow(width);
    // Of this width alone: its padding stays zero.
    const at = this.take(`${count}×${width}`, count * padded);
    if (padded !== width) this.heap.floats(at, count * padded).fill(0);
    return { at, count, width, rowBytes: 4 * padded };
  }

  /** Values, row after row, put there now. */
  put(values: Float32Array, count: number): Rows {
    const width = values.length / count;
    const padded = paddedRow(width);
    const at = this.hold(count * padded);
    const target = this.heap.floats(at, count * padded);
    if (padded === width) target.set(values);
    else {
      target.fill(0);
      for (let n = 0; n < count; n++) target.set(values.subarray(n * width, (n + 1) * width), n * padded);
    }
    return { at, count, width, rowBytes: 4 * padded };
  }

  /** Whole numbers, put there now. */
  putWhole(numbers: readonly number[]): number {
    const at = this.hold(numbers.length);
    new Uint32Array(this.heap.bytes.buffer, at, numbers.length).set(numbers);
    return at;
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

  private take(sizes: string, floats: number): number {
    const at = this.spare.get(sizes)?.pop() ?? this.hold(floats);
    this.taken.push({ sizes, at });
    return at;
  }

  private hold(floats: number): number {
    const at = this.heap.allocate(4 * floats);
    this.held.push(at);
    return at;
  }
}
