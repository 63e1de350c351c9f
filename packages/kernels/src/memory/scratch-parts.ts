/** Parts of the kernels' memory that one piece of work needs and gives back together. */
import type { Heap } from "./heap.js";

/** Rows of activations in the pool's memory, each as long as {@link paddedRow} says, zeros at its end. */
export interface HeldRows {
  readonly at: number;
  readonly count: number;
}

/** Numbers of a row of activations: the kernels take eight at a time. */
export function paddedRow(inputs: number): number {
  return Math.ceil(inputs / 8) * 8;
}

/** Rows of activations, each padded to a multiple of eight numbers by zeros. */
export interface Rows extends HeldRows {
  readonly width: number;
  readonly rowBytes: number;
}

/** Something that jobs write to: room for so many rows of this width, or, without a width, for so many numbers. */
interface Room {
  readonly count: number;
  readonly width: number;
  readonly at: number;
}

export class ScratchParts {
  private readonly held: number[] = [];
  /** Of turns that are over. */
  private readonly spare: Room[] = [];
  /** Of the turn that is. */
  private readonly taken: Room[] = [];

  constructor(private readonly heap: Heap) {}

  /**
   * What is written in a turn takes the rooms of earlier turns. Jobs run in the order in which they are written, so that what a
   * turn leaves there must be of no matter to the next; what is put somewhere at once stays to the end.
   */
  inTurn(write: () => void): void {
    write();
    this.spare.push(...this.taken);
    this.taken.length = 0;
  }

  /** Room for jobs to write to, uninitialised. */
  floats(count: number): number {
    return this.take(count, 0, count);
  }

  /** Room for rows, whose padding is zero. */
  rows(count: number, width: number): Rows {
    const padded = paddedRow(width);
    // Taken again for this width alone, so that its padding stays zero.
    const at = this.take(count, width, count * padded);
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

  private take(count: number, width: number, floats: number): number {
    const found = this.spare.findIndex((room) => room.count === count && room.width === width);
    const room = found < 0 ? { count, width, at: this.hold(floats) } : this.spare.splice(found, 1)[0]!;
    this.taken.push(room);
    return room.at;
  }

  private hold(floats: number): number {
    const at = this.heap.allocate(4 * floats);
    this.held.push(at);
    return at;
  }
}
