/**
 * Jobs that are written down before any of them is done, in the order in which they will be: then one call does all of them, and
 * between two no thread has reason to sleep.
 */
import type { Pool } from "./pool.js";

/** What a job does; assembly/jobs.ts knows the numbers, and beside each function there what its details are. */
export const kinds = {
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
    this.write(this.begin(kind, chunks, details.length), details);
    this.scratchBytes = Math.max(this.scratchBytes, scratchBytes);
  }

  /** A job over rows of so many numbers. @param details without how many rows there are */
  addRows(kind: keyof typeof rowKinds, count: number, width: number, details: readonly number[]): void {
    const chunkRows = Math.ceil(count / this.pool.chunksFor(count, rowKinds[kind] * width));
    const at = this.begin(kind, Math.ceil(count / chunkRows), 2 + details.length);
    this.numbers[at] = count;
    this.numbers[at + 1] = chunkRows;
    this.write(at + 2, details);
  }

  /** Does all that is written. @throws KernelsError `out-of-memory` before any of it */
  run(): void {
    this.pool.play(this.numbers.subarray(0, this.length), this.mostChunks, this.scratchBytes);
  }

  /** Where a job's details go. */
  private begin(kind: keyof typeof kinds, chunks: number, details: number): number {
    const first = this.length;
    this.length += headLength + details;
    if (this.length > this.numbers.length) {
      const wider = new Uint32Array(4 * this.length);
      wider.set(this.numbers);
      this.numbers = wider;
    }
    this.numbers[first] = kinds[kind];
    this.numbers[first + 1] = chunks;
    this.numbers[first + 2] = 4 * (headLength + details);
    this.mostChunks = Math.max(this.mostChunks, chunks);
    return first + headLength;
  }

  private write(at: number, details: readonly number[]): void {
    for (let i = 0; i < details.length; i++) this.numbers[at + i] = details[i]!;
  }
}

const bits = new DataView(new ArrayBuffer(4));

/** The bits of a float32. */
export function real(value: number): number {
  bits.setFloat32(0, value);
  return bits.getUint32(0);
}
