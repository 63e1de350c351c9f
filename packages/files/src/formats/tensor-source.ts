import type { TensorType } from "./numbers/dequantise.js";

/** Rows of a tensor as the file has them; `type.decode` makes float32 of them. */
export interface StoredRows {
  readonly type: TensorType;
  /** Whole blocks, in the file's order. */
  readonly bytes: Uint8Array;
}

/** One tensor of a checkpoint: known by its header, its numbers read from disk only when asked for. */
export interface TensorSource {
  readonly name: string;
  /** Outermost axis first, as PyTorch prints it; `[]` is a single number. */
  readonly shape: readonly number[];
  /** How the file stores it, in the format's own words: `F32`, `BF16`, `Q4_K`. */
  readonly type: string;
  /** Its encoded length in the file, in bytes. */
  readonly byteLength: number;
  /**
   * All its numbers, dequantised, in row-major order. Holds the result and at most 8 MiB of encoded bytes.
   *
   * @throws FilesError `truncated-file`, `file-unreadable`, `unknown-tensor-type`, `not-enough-memory`
   */
  read(): Promise<Float32Array>;
  /**
   * The slice `[first, first + count)` of the outermost axis, for tensors too large to hold at once.
   *
   * @throws FilesError as `read` does, and `bad-tensor-shape` for rows that the tensor does not have
   */
  readRows(first: number, count: number): Promise<Float32Array>;
  /**
   * The same slice as the file stores it, nothing decoded; without arguments all of the tensor. Bytes of a type that is
   * not read here come too, and decoding them is refused.
   *
   * @throws FilesError as `readRows` does
   */
  readStored(first?: number, count?: number): Promise<StoredRows>;
}

/** The tensors of a checkpoint, in one file or several. */
export interface TensorStore {
  readonly tensors: ReadonlyMap<string, TensorSource>;
  /** Releases the files; tensors cannot be read afterwards. Closing twice is harmless. */
  close(): Promise<void>;
}
