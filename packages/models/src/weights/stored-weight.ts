/**
 * A weight as its file stores it, in JavaScript's memory: a quarter of float32 and less. What is used is decoded for
 * that use, so that every number is the file's own, and every product costs the decoding: kernels that read blocks
 * take its place where there are some, and are held against it. Letters as in weight.ts.
 */
import type { TensorType } from "@amulet-ts/files";
import { type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { concat } from "../layers/direct.js";
import { multiplyByRows } from "./tensor-weight.js";
import type { Weight } from "./weight.js";

/** Numbers of it that are float32 at a time: 4 MiB. */
const numbersAtOnce = 2 ** 20;

export class StoredWeight implements Weight {
  readonly inputs: number;
  readonly outputs: number;

  /** @param blocks of rows, each a whole number of them: `[out, in]` */
  constructor(
    private readonly type: TensorType,
    private blocks: Uint8Array,
    [outputs, inputs]: readonly [outputs: number, inputs: number],
  ) {
    this.inputs = inputs;
    this.outputs = outputs;
  }

  get storedType(): string {
    return this.type.name;
  }

  get bytes(): number {
    return this.blocks.length;
  }

  multiply(x_NI: Tensor2D): Tensor2D {
    const count = Math.max(1, Math.floor(numbersAtOnce / this.inputs));
    const products: Tensor2D[] = [];
    for (let first = 0; first < this.outputs; first += count)
      products.push(this.multiplyBy(x_NI, first, Math.min(count, this.outputs - first)));
    return concat(products, 1);
  }

  lookUp(ids_N: Int32Array): Tensor2D {
    const rows_NI = new Float32Array(ids_N.length * this.inputs);
    for (const [n, id] of ids_N.entries())
      this.decode(id, rows_NI.subarray(n * this.inputs, (n + 1) * this.inputs));
    return tensor2d(rows_NI, [ids_N.length, this.inputs]);
  }

  dispose(): void {
    this.blocks = new Uint8Array(0);
  }

  /** The product with outputs `[first, first + count)`, whose float32 numbers go at once. */
  private multiplyBy(x_NI: Tensor2D, first: number, count: number): Tensor2D {
    const numbers = new Float32Array(count * this.inputs);
    this.decode(first, numbers);
    return tidy(() => multiplyByRows(x_NI, tensor2d(numbers, [count, this.inputs])));
  }

  /** Rows from `first` on, as many as `out` has room for. */
  private decode(first: number, out: Float32Array): void {
    const { blockSize, bytesPerBlock, decode } = this.type;
    const byteOf = (numbers: number) => (numbers / blockSize) * bytesPerBlock;
    const start = byteOf(first * this.inputs);
    decode(this.blocks.subarray(start, start + byteOf(out.length)), out);
  }
}
