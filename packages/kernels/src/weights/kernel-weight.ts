/**
 * A weight as its file stores it, in the memory of the kernels. It is what @amulet-ts/models calls a weight; nothing of
 * that package is needed here. N: rows of activations, or ids · I: inputs · O: outputs.
 */
import { concat, matMul, type Tensor1D, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { KernelsError } from "../errors.js";
import { type HeldPart, product } from "../fused/operations.js";
import { runOnTensors, runsKernels } from "../fused/tensors.js";
import { paddedRow } from "../memory/scratch-parts.js";
import type { Pool } from "../pool/pool.js";
import { bytesOfRow, checkRow } from "../stored-rows.js";
import type { StoredType } from "../stored-types.js";

/** Numbers that are float32 at a time where a backend without kernels multiplies: 4 MiB. */
const numbersAtOnce = 2 ** 20;

export class KernelWeight implements HeldPart {
  readonly at: number;
  private isHeld = true;
  /** By the first of them. */
  private readonly besides = new Map<Tensor1D, number>();

  /** Room for a weight, which {@link write} fills. @throws KernelsError `out-of-memory`, `bad-weight` */
  constructor(
    readonly pool: Pool,
    readonly type: StoredType,
    readonly outputs: number,
    readonly inputs: number,
  ) {
    checkRow(type, inputs);
    this.at = pool.heap.allocate(this.bytes);
  }

  /** For fused operations: itself. */
  get kernelParts(): readonly KernelWeight[] {
    return [this];
  }

  get storedType(): string {
    return this.type.name;
  }

  get bytes(): number {
    return this.outputs * bytesOfRow(this.type, this.inputs);
  }

  /** Puts whole rows, as the file has them, from row `first` on. */
  write(first: number, rows: Uint8Array): void {
    const start = first * bytesOfRow(this.type, this.inputs);
    if (start + rows.length > this.bytes)
      throw new KernelsError(
        "bad-weight",
        `${rows.length} bytes from row ${first} on do not fit into ${this.outputs} rows of ${this.inputs} ${this.type.name} numbers.`,
      );
    this.pool.heap.bytes.set(rows, this.at + start);
  }

  beside(parameters: readonly Tensor1D[]): number {
    const [first] = parameters as [Tensor1D];
    const at = this.besides.get(first) ?? this.putBeside(parameters);
    this.besides.set(first, at);
    return at;
  }

  multiply(x_NI: Tensor2D): Tensor2D {
    if (!runsKernels()) return this.multiplyComposed(x_NI);
    return product(x_NI, [this]);
  }

  /** The same by operations of TensorFlow.js: for backends without kernels, and what kernels are held against. */
  multiplyComposed(x_NI: Tensor2D): Tensor2D {
    const count = Math.max(1, Math.floor(numbersAtOnce / this.inputs));
    return tidy(() => {
      const products: Tensor2D[] = [];
      for (let first = 0; first < this.outputs; first += count) {
        const rows = Math.min(count, this.outputs - first);
        const rows_OI = tensor2d(this.numbers(first, rows), [rows, this.inputs]);
        products.push(matMul(x_NI, rows_OI, false, true));
      }
      return concat(products, 1);
    });
  }

  lookUp(ids_N: Int32Array): Tensor2D {
    const rows_NI = new Float32Array(ids_N.length * this.inputs);
    for (const [n, id] of ids_N.entries()) rows_NI.set(this.numbers(id, 1), n * this.inputs);
    return tensor2d(rows_NI, [ids_N.length, this.inputs]);
  }

  dispose(): void {
    if (!this.isHeld) return;
    for (const at of this.besides.values()) this.pool.release(at);
    this.pool.release(this.at);
    this.isHeld = false;
  }

  /** As a row of activations is: with zeros at its end. */
  private putBeside(parameters: readonly Tensor1D[]): number {
    const { heap } = this.pool;
    const length = paddedRow(parameters.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    runOnTensors(parameters, (values) => {
      at = heap.allocate(4 * length);
      const room = heap.floats(at, length).fill(0);
      let first = 0;
      for (const own of values) {
        room.set(own, first);
        first += own.length;
      }
      return { results: [], release: () => {} };
    });
    return at;
  }

  /** Rows in float32: the file's numbers, bit for bit. */
  private numbers(first: number, rows: number): Float32Array {
    const { heap } = this.pool;
    const count = rows * this.inputs;
    const to = heap.allocate(4 * count);
    try {
      const from = this.at + first * bytesOfRow(this.type, this.inputs);
      this.pool.decode(this.type.id, from, to, count);
      return heap.floats(to, count).slice();
    } finally {
      heap.release(to);
    }
  }
}
