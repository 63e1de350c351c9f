/**
 * A decoder for each type of weight: WGSL's `decode(row, chunk)`, the 32 numbers of a row from 32·chunk on, in registers. A
 * row begins at a word of the buffer `blocks`; bits and numbers are those that a file says, but that a card may take what is
 * smaller than 2⁻¹²⁶ for zero.
 */
import { decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0 } from "./block-quants.js";
import { decodeBF16, decodeF16, decodeF32 } from "./floats.js";
import { decodeQ4_K, decodeQ5_K, decodeQ6_K } from "./k-quants.js";
import { buffersOf, fours, half, words } from "./numbers.js";

/** Numbers of a chunk. */
export const chunkSize = 32;

const decoders: Readonly<Record<string, string>> = {
  F32: decodeF32,
  F16: decodeF16,
  BF16: decodeBF16,
  Q4_0: decodeQ4_0,
  Q4_1: decodeQ4_1,
  Q5_0: decodeQ5_0,
  Q5_1: decodeQ5_1,
  Q8_0: decodeQ8_0,
  Q4_K: decodeQ4_K,
  Q5_K: decodeQ5_K,
  Q6_K: decodeQ6_K,
};

/** The decoder of a type, with all that it uses; of several buffers it reads the one that `part` says. */
export function decoderOf(storedType: string, buffers = buffersOf(1)): string {
  return [words(buffers), half, fours, decoders[storedType]!].join("");
}
