/**
 * A weight as its file stores it, in buffers of a graphics card. It is what @amulet-ts/models calls a weight; nothing of that
 * package is needed here. N: rows of activations, or ids · I: inputs · O: outputs · W: words of a row.
 */
import { dispose, engine, pad, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { KernelsError } from "../errors.js";
import { bytesOfRow, checkRow } from "../stored-rows.js";
import type { StoredType } from "../stored-types.js";
import { webGpuBackend } from "./backend.js";
import { lookUp, multiply, type Slice } from "./operations.js";
import { chunkSize } from "./wgsl/decoders.js";

export class PackedWeight {
  /** Cut along the outputs where one buffer may not hold all. */
  private readonly slices: readonly Slice[];
  /** Of a row: as the file has it, and here, with zeros behind it to whole chunks and words. */
  private readonly fileBytes: number;
  private readonly rowBytes: number;
  private isHeld = true;

  /**
   * Room for a weight, which {@link write} fills.
   *
   * @param mostBytes that a buffer may have
   * @param onDispose is called once
   * @throws KernelsError `bad-weight` for rows that are no whole blocks, or do not fit into a buffer
   */
  constructor(
    private readonly type: StoredType,
    readonly outputs: number,
    readonly inputs: number,
    mostBytes: number,
    private readonly onDispose: (weight: PackedWeight) => void = () => {},
  ) {
    checkRow(type, inputs);
    this.fileBytes = bytesOfRow(type, inputs);
    this.rowBytes = 4 * Math.ceil(bytesOfRow(type, paddedRow(inputs)) / 4);
    this.slices = cutRows(outputs, this.rowBytes, mostBytes);
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
    for (const { first: own, blocks_OW } of this.slices) {
      const [from, end] = [Math.max(first, own), Math.min(first + count, own + blocks_OW.shape[0])];
      if (from >= end) continue;
      const part = padded.subarray((from - first) * this.rowBytes, (end - first) * this.rowBytes);
      queue.writeBuffer(tensorMap.get(blocks_OW.dataId).resource, (from - own) * this.rowBytes, part);
    }
  }

  /** @param tiledFrom so many rows on it is done in tiles */
  multiply(x_NI: Tensor2D, tiledFrom?: number): Tensor2D {
    const padding = paddedRow(this.inputs) - this.inputs;
    const { type, slices } = this;
    if (padding === 0) return multiply(x_NI, type.name, slices, tiledFrom);
    return tidy(() =>
      multiply(
        pad(x_NI, [
          [0, 0],
          [0, padding],
        ]),
        type.name,
        slices,
        tiledFrom,
      ),
    );
  }

  lookUp(ids_N: Int32Array): Tensor2D {
    return tidy(() => lookUp(ids_N, this.type.name, this.slices, this.inputs));
  }

  dispose(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    for (const { blocks_OW } of this.slices) dispose(blocks_OW);
    this.onDispose(this);
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
function cutRows(rows: number, rowBytes: number, mostBytes: number): Slice[] {
  const most = Math.floor(mostBytes / rowBytes);
  if (most === 0)
    throw new KernelsError("bad-weight", `A row of ${rowBytes} bytes is more than a buffer's ${mostBytes}.`);
  const slices: Slice[] = [];
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
