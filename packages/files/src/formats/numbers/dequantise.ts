import {
  type DecodeBlock,
  decodeIQ4_NL,
  decodeQ4_0,
  decodeQ4_1,
  decodeQ5_0,
  decodeQ5_1,
  decodeQ8_0,
} from "./block-quants.js";
import { decodeIQ4_XS, decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K } from "./k-quants.js";
import {
  type Decode,
  decodeBfloat16,
  decodeFloat16,
  decodeFloat32,
  decodeFloat64,
  isFiniteBfloat16,
  isFiniteFloat32,
  isFiniteFloat64,
  isFiniteHalf,
} from "./plain-floats.js";

/** How numbers are stored: `blockSize` of them in `bytesPerBlock` bytes, along the innermost axis. */
export interface TensorType {
  readonly name: string;
  readonly blockSize: number;
  readonly bytesPerBlock: number;
  /** Whole blocks to float32; `out` holds exactly their numbers. */
  readonly decode: Decode;
  /** Whether the block that starts at byte `at` decodes to finite numbers: those of its scales that are floats decide. */
  readonly holdsNumbers: (bytes: Uint8Array, at: number) => boolean;
}

/** The tensor types of GGUF that are read here, by ggml's type number. */
export const ggufTensorTypes: ReadonlyMap<number, TensorType> = new Map([
  [0, plain("F32", 4, decodeFloat32, isFiniteFloat32)],
  [1, plain("F16", 2, decodeFloat16, isFiniteHalf)],
  [2, blocks("Q4_0", 32, 18, decodeQ4_0, [0])],
  [3, blocks("Q4_1", 32, 20, decodeQ4_1, [0, 2])],
  [6, blocks("Q5_0", 32, 22, decodeQ5_0, [0])],
  [7, blocks("Q5_1", 32, 24, decodeQ5_1, [0, 2])],
  [8, blocks("Q8_0", 32, 34, decodeQ8_0, [0])],
  [10, blocks("Q2_K", 256, 84, decodeQ2_K, [80, 82])],
  [11, blocks("Q3_K", 256, 110, decodeQ3_K, [108])],
  [12, blocks("Q4_K", 256, 144, decodeQ4_K, [0, 2])],
  [13, blocks("Q5_K", 256, 176, decodeQ5_K, [0, 2])],
  [14, blocks("Q6_K", 256, 210, decodeQ6_K, [208])],
  [20, blocks("IQ4_NL", 32, 18, decodeIQ4_NL, [0])],
  [23, blocks("IQ4_XS", 256, 136, decodeIQ4_XS, [0])],
  [28, plain("F64", 8, decodeFloat64, isFiniteFloat64)],
  [30, plain("BF16", 2, decodeBfloat16, isFiniteBfloat16)],
]);

/** ggml's other types, so that an error can name what it refuses. */
export const unreadGgufTypes: ReadonlyMap<number, string> = new Map([
  [9, "Q8_1"],
  [15, "Q8_K"],
  [16, "IQ2_XXS"],
  [17, "IQ2_XS"],
  [18, "IQ3_XXS"],
  [19, "IQ1_S"],
  [21, "IQ3_S"],
  [22, "IQ2_S"],
  [24, "I8"],
  [25, "I16"],
  [26, "I32"],
  [27, "I64"],
  [29, "IQ1_M"],
  [34, "TQ1_0"],
  [35, "TQ2_0"],
  [39, "MXFP4"],
]);

/** A type that stores each number by itself. */
export function plain(
  name: string,
  bytesPerBlock: number,
  decode: Decode,
  holdsNumbers: TensorType["holdsNumbers"],
): TensorType {
  return { name, blockSize: 1, bytesPerBlock, decode, holdsNumbers };
}

/** @param halves where in a block its half-precision scales and offsets are, in bytes */
function blocks(
  name: string,
  blockSize: number,
  bytesPerBlock: number,
  decodeBlock: DecodeBlock,
  halves: readonly number[],
): TensorType {
  const decode: Decode = (bytes, out) => {
    for (let at = 0, to = 0; to < out.length; at += bytesPerBlock, to += blockSize) {
      decodeBlock(bytes, at, out, to);
    }
  };
  const holdsNumbers = (bytes: Uint8Array, at: number) =>
    halves.every((half) => isFiniteHalf(bytes, at + half));
  return { name, blockSize, bytesPerBlock, decode, holdsNumbers };
}
