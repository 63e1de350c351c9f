import { FilesError } from "../errors.js";
import type { ModelFile } from "./model-file.js";
import type { TensorType } from "./numbers/dequantise.js";
import type { StoredRows, TensorSource } from "./tensor-source.js";

/** Encoded bytes held at once while a tensor is decoded. */
const chunkBytes = 8 << 20;

/** A tensor that lies in one piece of a file, its rows made of whole blocks. */
export class FileTensor implements TensorSource {
  constructor(
    private readonly file: ModelFile,
    readonly name: string,
    readonly shape: readonly number[],
    private readonly storage: TensorType,
    private readonly position: number,
  ) {}

  get type(): string {
    return this.storage.name;
  }

  get byteLength(): number {
    return encodedBytes(this.storage, countElements(this.shape));
  }

  async read(): Promise<Float32Array> {
    return this.readElements(0, countElements(this.shape));
  }

  async readRows(first: number, count: number): Promise<Float32Array> {
    const { start, length } = this.locateRows(first, count);
    return this.readElements(start, length);
  }

  async readStored(first = 0, count = (this.shape[0] ?? 1) - first): Promise<StoredRows> {
    const { start, length } = this.locateRows(first, count);
    const bytes = allocate(Uint8Array, encodedBytes(this.storage, length), this.name);
    await this.file.read(bytes, this.position + encodedBytes(this.storage, start), `tensor ${this.name}`);
    return { type: this.storage, bytes };
  }

  /** Which of the tensor's numbers rows are. @throws FilesError `bad-tensor-shape` */
  private locateRows(first: number, count: number): { readonly start: number; readonly length: number } {
    const rows = this.shape[0] ?? 1;
    const rowLength = countElements(this.shape.slice(1));
    const inside = isCount(first) && isCount(count) && first + count <= rows;
    const wholeBlocks = [first, count].every((row) => (row * rowLength) % this.storage.blockSize === 0);
    if (inside && wholeBlocks) return { start: first * rowLength, length: count * rowLength };
    throw new FilesError(
      "bad-tensor-shape",
      `${count} rows from ${first} on were asked of ${this.name}, which has ${rows} rows of ${rowLength} numbers ` +
        `in blocks of ${this.storage.blockSize}: ask for whole blocks inside it.`,
    );
  }

  private async readElements(first: number, count: number): Promise<Float32Array> {
    const { blockSize, bytesPerBlock, decode } = this.storage;
    const out = allocate(Float32Array, count, this.name);
    const start = this.position + encodedBytes(this.storage, first);
    const step = Math.floor(chunkBytes / bytesPerBlock) * blockSize;
    const chunk = new Uint8Array(encodedBytes(this.storage, Math.min(step, count)));
    for (let done = 0; done < count; done += step) {
      const elements = Math.min(step, count - done);
      const bytes = chunk.subarray(0, encodedBytes(this.storage, elements));
      await this.file.read(bytes, start + encodedBytes(this.storage, done), `tensor ${this.name}`);
      decode(bytes, out.subarray(done, done + elements));
    }
    return out;
  }
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}

/** The product of the axes; 1 for a single number. */
export function countElements(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

/** @param elements a whole number of blocks */
export function encodedBytes(type: TensorType, elements: number): number {
  return (elements / type.blockSize) * type.bytesPerBlock;
}

function allocate<Numbers>(
  numbers: { new (count: number): Numbers; readonly BYTES_PER_ELEMENT: number; readonly name: string },
  count: number,
  name: string,
): Numbers {
  try {
    return new numbers(count);
  } catch (cause) {
    const gigabytes = ((count * numbers.BYTES_PER_ELEMENT) / 2 ** 30).toFixed(1);
    throw new FilesError(
      "not-enough-memory",
      `${name} takes ${gigabytes} GiB as a ${numbers.name}, more than one can hold: read it in parts or take a smaller model.`,
      { cause },
    );
  }
}
