/** Weights that are no numbers are damage, and are named where they are read: behind a product nobody can tell whose they were. */
import { FilesError } from "../errors.js";
import type { StoredRows, TensorSource, TensorStore } from "../formats/tensor-source.js";

/** The same tensors, which refuse to be read where they hold NaN or infinity. */
export function finiteWeights(store: TensorStore, path: string): TensorStore {
  const checked = [...store.tensors].map(([name, source]) => [name, new FiniteTensor(source, path)] as const);
  return { tensors: new Map(checked), close: () => store.close() };
}

class FiniteTensor implements TensorSource {
  constructor(
    private readonly source: TensorSource,
    private readonly path: string,
  ) {}

  get name(): string {
    return this.source.name;
  }

  get shape(): readonly number[] {
    return this.source.shape;
  }

  get type(): string {
    return this.source.type;
  }

  get byteLength(): number {
    return this.source.byteLength;
  }

  /** @throws FilesError `bad-weights`, and what the source throws */
  async read(): Promise<Float32Array> {
    return this.check(await this.source.read(), 0);
  }

  /** @throws FilesError `bad-weights`, and what the source throws */
  async readRows(first: number, count: number): Promise<Float32Array> {
    return this.check(await this.source.readRows(first, count), first * this.rowLength);
  }

  /** @throws FilesError `bad-weights`, and what the source throws */
  async readStored(first = 0, count?: number): Promise<StoredRows> {
    const rows = await this.source.readStored(first, count);
    const { type, bytes } = rows;
    for (let at = 0; at < bytes.length; at += type.bytesPerBlock) {
      if (type.holdsNumbers(bytes, at)) continue;
      const block = new Float32Array(type.blockSize);
      type.decode(bytes.subarray(at, at + type.bytesPerBlock), block);
      this.check(block, first * this.rowLength + (at / type.bytesPerBlock) * type.blockSize);
    }
    return rows;
  }

  private get rowLength(): number {
    return this.shape.slice(1).reduce((product, axis) => product * axis, 1);
  }

  private check(values: Float32Array, start: number): Float32Array {
    if (areFinite(values)) return values;
    const at = values.findIndex((value) => !Number.isFinite(value));
    const what = Number.isNaN(values[at]) ? "NaN" : "infinity";
    throw new FilesError(
      "bad-weights",
      `${this.name} of ${this.path} holds ${what} (number ${start + at} of it): the file is damaged, or was damaged ` +
        "when it was made. Fetch it again, or take another.",
    );
  }
}

/** 0·x is 0 for every number and NaN for what is none: one pass without a branch. */
function areFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * values[i]!;
  return sum === 0;
}
