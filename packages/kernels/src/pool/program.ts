/**
 * Jobs that are written down before any of them is done, in the order in which they will be: then one call does all of them, and
 * between two no thread has reason to sleep.
 */
import type { Pool } from "./pool.js";

/** What a job does; assembly/jobs.ts knows the numbers, and beside each function there what its details are. */
const kinds = {
  product: 0,
  attention: 1,
  rmsNorm: 2,
  layerNorm: 3,
  activate: 4,
  add: 5,
  append: 6,
  prepare: 7,
} as const;

/** Kinds whose chunks are some rows, and about how many products a number is worth. */
const rowKinds = { rmsNorm: 3, layerNorm: 4, activate: 24, add: 1, append: 4, prepare: 2 } as const;

/** Numbers before a job's details: its kind, its chunks, and the bytes of all. */
const headLength = 3;

export class Program {
  private numbers = new Uint32Array(2 ** 10);
  private length = 0;
  private scratchBytes = 0;
  private mostChunks = 0;

  constructor(readonly pool: Pool) {}

  /**
   * @param details 32-bit numbers; of those that are real the bits, as {@link real} gives them
   * @param scratchBytes what each thread needs
   */
  add(kind: keyof typeof kinds, chunks: number, details: readonly number[], scratchBytes = 0): void {
    const { length } = this;
    const end = length + headLength + details.length;
    const numbers = this.roomFor(end);
    numbers[length] = kinds[kind];
    numbers[length + 1] = chunks;
    numbers[length + 2] = 4 * (end - length);
    for (let i = 0; i < details.length; i++) numbers[length + headLength + i] = details[i]!;
    this.length = end;
    this.scratchBytes = Math.max(this.scratchBytes, scratchBytes);
    this.mostChunks = Math.max(this.mostChunks, chunks);
  }

  /** A job over rows of so many numbers. @param details without how many rows there are */
  addRows(kind: keyof typeof rowKinds, count: number, width: number, details: readonly number[]): void {
    const chunkRows = Math.ceil(count / this.pool.chunksFor(count, rowKinds[kind] * width));
    this.add(kind, Math.ceil(count / chunkRows), [count, chunkRows, ...details]);
  }

  /** Does all that is written. @throws KernelsError `out-of-memory` before any of it */
  run(): void {
    this.pool.play(this.numbers.subarray(0, this.length), this.mostChunks, this.scratchBytes);
  }

  private roomFor(end: number): Uint32Array {
    if (end > this.numbers.length) {
      const wider = new Uint32Array(4 * end);
      wider.set(this.numbers.subarray(0, this.length));
      this.numbers = wider;
    }
    return this.numbers;
  }
}

const bits = new DataView(new ArrayBuffer(4));

/** The bits of a float32. */
export function real(value: number): number {
  bits.setFloat32(0, value);
  return bits.getUint32(0);
}
