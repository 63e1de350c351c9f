/**
 * GGUF's small blocks: 32 weights share a half-precision scale `d`, and in the `_1` types an offset `m`.
 * Layouts: ggml's block_q4_0 and its siblings.
 *
 * A half has 11 significant bits and a quantum at most 8, so each product below is exact in float32; the one
 * rounding is the store. That makes the result equal bit for bit to any order of float32 operations.
 */
import { floatOfHalf } from "./plain-floats.js";

/** Decodes the block that starts at byte `at` into `out` from index `to` on. */
export type DecodeBlock = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

export function readHalf(bytes: Uint8Array, at: number): number {
  return floatOfHalf[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

/** d, 16 bytes of nibbles: the low ones are weights 0 to 15, the high ones 16 to 31. */
export const decodeQ4_0: DecodeBlock = (bytes, at, out, to) => {
  const d = readHalf(bytes, at);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 2 + i]!;
    out[to + i] = d * ((pair & 15) - 8);
    out[to + 16 + i] = d * ((pair >> 4) - 8);
  }
};

/** d, m, 16 bytes of nibbles. */
export const decodeQ4_1: DecodeBlock = (bytes, at, out, to) => {
  const d = readHalf(bytes, at);
  const m = readHalf(bytes, at + 2);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 4 + i]!;
    out[to + i] = d * (pair & 15) + m;
    out[to + 16 + i] = d * (pair >> 4) + m;
  }
};

/** d, 32 fifth bits, 16 bytes of nibbles. */
export const decodeQ5_0: DecodeBlock = (bytes, at, out, to) => {
  const d = readHalf(bytes, at);
  const fifths = readBits32(bytes, at + 2);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 6 + i]!;
    out[to + i] = d * (((pair & 15) | (((fifths >>> i) & 1) << 4)) - 16);
    out[to + 16 + i] = d * (((pair >> 4) | (((fifths >>> (i + 16)) & 1) << 4)) - 16);
  }
};

/** d, m, 32 fifth bits, 16 bytes of nibbles. */
export const decodeQ5_1: DecodeBlock = (bytes, at, out, to) => {
  const d = readHalf(bytes, at);
  const m = readHalf(bytes, at + 2);
  const fifths = readBits32(bytes, at + 4);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 8 + i]!;
    out[to + i] = d * ((pair & 15) | (((fifths >>> i) & 1) << 4)) + m;
    out[to + 16 + i] = d * ((pair >> 4) | (((fifths >>> (i + 16)) & 1) << 4)) + m;
  }
};

/** d, 32 signed bytes. */
export const decodeQ8_0: DecodeBlock = (bytes, at, out, to) => {
  const d = readHalf(bytes, at);
  for (let i = 0; i < 32; i++) out[to + i] = d * asInt8(bytes[at + 2 + i]!);
};

/** The 16 levels of the non-linear 4-bit types (ggml's kvalues_iq4nl). */
export const nonLinearLevels = Int8Array.of(
  ...[-127, -104, -83, -65, -49, -35, -22, -10],
  ...[1, 13, 25, 38, 53, 69, 89, 113],
);

/** d, 16 bytes of nibbles, each the number of a level. */
export const decodeIQ4_NL: DecodeBlock = (bytes, at, out, to) => {
  const d = readHalf(bytes, at);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 2 + i]!;
    out[to + i] = d * nonLinearLevels[pair & 15]!;
    out[to + 16 + i] = d * nonLinearLevels[pair >> 4]!;
  }
};

export function asInt8(byte: number): number {
  return (byte << 24) >> 24;
}

function readBits32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
