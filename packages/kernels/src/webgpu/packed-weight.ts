/**
 * A weight as its file stores it, in buffers of a graphics card. It is what @amulet-ts/models calls a weight; nothing of that
 * package is needed here. N: rows of activations, or ids · I: inputs · O: outputs · W: words of a row.
 */
import { dispose, engine, type Tensor2D, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { KernelsError } from "../errors.js";
import { bytesOfRow, checkRow } from "../stored-rows.js";
import type { StoredType } from "../stored-types.js";
import { webGpuBackend } from "./backend.js";
import { runOnCard, whole } from "./card.js";
import { multiplyParts, type Slice } from "./products.js";
import { lookUpProgram } from "./programs/look-up.js";
import { rowPowersProgram } from "./programs/row-powers.js";
import { chunkSize } from "./wgsl/decoders.js";
import { type Precision, productErrors } from "./wgsl/precision.js";

export class PackedWeight {
  /** Cut along the outputs where one buffer may not hold all. */
  private readonly written: readonly (Slice & { readonly blocks_OW: Tensor2D })[];
  /** Whether rows have been written since their powers of two were, which products in f16 read. */
  private lacksPowers = false;
  /** Of a row: as the file has it, and here, with zeros behind it to whole chunks and words, and for f16 a word more. */
  private readonly fileBytes: number;
  private readonly rowBytes: number;
  private isHeld = true;

  /**
   * Room for a weight, which {@link write} fills.
   *
   * @param mostBytes that a buffer may have
   * @param precision in which it is multiplied; the device has `shader-f16` where that is f16
   * @param onDispose is called once
   * @throws KernelsError `bad-weight` for rows that are no whole blocks, or do not fit into a buffer
   */
  constructor(
    private readonly type: StoredType,
    readonly outputs: number,
    readonly inputs: number,
    mostBytes: number,
    readonly precision: Precision = "f32",
    private readonly onDispose: (weight: PackedWeight) => void = () => {},
  ) {
    checkRow(type, inputs);
    this.fileBytes = bytesOfRow(type, inputs);
    const words = Math.ceil(bytesOfRow(type, paddedRow(inputs)) / 4);
    this.rowBytes = 4 * (precision === "f16" ? words + 1 : words);
    this.written = cutRows(outputs, this.rowBytes, mostBytes);
  }

  /** For fused operations: itself. */
  get kernelParts(): readonly PackedWeight[] {
    return [this];
  }

  /** As products read them. */
  get slices(): readonly Slice[] {
    if (this.lacksPowers) this.writePowers();
    return this.written;
  }

  /** What a product of two numbers may be off by, as a share of it, beyond what float32 does to their sum. */
  get productError(): number {
    return productErrors[this.precision];
  }

  get storedType(): string {
    return this.type.name;
  }

  /** In buffers. */
  get bytes(): number {
    return this.outputs * this.rowBytes;
  }

  /** Puts whole rows, as the file has them, from row `first` on. @throws KernelsError `bad-weight` */
  write(first: number, rows: Uint8Array): void {
    const count = rows.length / this.fileBytes;
    if (!Number.isInteger(count) || first + count > this.outputs)
      throw new KernelsError(
        "bad-weight",
        `${rows.length} bytes from row ${first} on do not fit into ${this.outputs} rows of ${this.inputs} ${this.type.name} numbers.`,
      );
    const padded = this.padRows(rows, count);
    const { queue, tensorMap } = webGpuBackend();
    for (const { first: own, blocks_OW } of this.written) {
      const [from, end] = [Math.max(first, own), Math.min(first + count, own + blocks_OW.shape[0])];
      if (from >= end) continue;
      const part = padded.subarray((from - first) * this.rowBytes, (end - first) * this.rowBytes);
      queue.writeBuffer(tensorMap.get(blocks_OW.dataId).resource, (from - own) * this.rowBytes, part);
    }
    this.lacksPowers = this.precision === "f16";
  }

  /** @param tiledFrom so many rows on it is done in tiles */
  multiply(x_NI: Tensor2D, tiledFrom?: number): Tensor2D {
    return runOnCard([x_NI], (card) => multiplyParts(card, x_NI, [this], { tiledFrom }));
  }

  lookUp(ids_N: Int32Array): Tensor2D {
    const shape: [number, number] = [ids_N.length, this.inputs];
    const holdsSome = ({ first, blocks_OW }: Slice) =>
      ids_N.some((id) => id >= first && id < first + blocks_OW.shape[0]!);
    return tidy(() => {
      const ids = tensor1d(ids_N, "int32");
      return runOnCard([ids], (card) => {
        const output = card.make(shape);
        for (const { first, blocks_OW } of this.written.filter(holdsSome))
          card.run(lookUpProgram(this.type.name, shape), [ids, blocks_OW], [whole(first)], output);
        return output;
      });
    });
  }

  dispose(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    for (const { blocks_OW } of this.written) dispose(blocks_OW);
    this.onDispose(this);
  }

  private writePowers(): void {
    const backend = webGpuBackend();
    const chunks = [whole(paddedRow(this.inputs) / chunkSize)];
    for (const { blocks_OW } of this.written) {
      const program = rowPowersProgram(backend, this.type.name, blocks_OW.shape);
      backend.runWebGPUProgram(program, [], "float32", chunks, blocks_OW);
    }
    this.lacksPowers = false;
  }

  private padRows(rows: Uint8Array, count: number): Uint8Array {
    if (this.rowBytes === this.fileBytes) return rows;
    const padded = new Uint8Array(count * this.rowBytes);
    for (let row = 0; row < count; row++)
      padded.set(rows.subarray(row * this.fileBytes, (row + 1) * this.fileBytes), row * this.rowBytes);
    return padded;
  }
}

function paddedRow(inputs: number): number {
  return Math.ceil(inputs / chunkSize) * chunkSize;
}

/** Buffers for so many rows; what they hold is not set. */
function cutRows(rows: number, rowBytes: number, mostBytes: number): PackedWeight["written"] {
  const most = Math.floor(mostBytes / rowBytes);
  if (most === 0)
    throw new KernelsError("bad-weight", `A row of ${rowBytes} bytes is more than a buffer's ${mostBytes}.`);
  const slices: { first: number; blocks_OW: Tensor2D }[] = [];
  for (let first = 0; first < rows; first += most)
    slices.push({ first, blocks_OW: makeBuffer(Math.min(most, rows - first), rowBytes / 4) });
  return slices;
}

function makeBuffer(rows: number, words: number): Tensor2D {
  const backend = webGpuBackend();
  const info = backend.makeTensorInfo([rows, words], "int32");
  backend.uploadToGPU(info.dataId);
  return engine().makeTensorFromTensorInfo(info) as Tensor2D;
}
