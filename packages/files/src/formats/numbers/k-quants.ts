/**
 * GGUF's large blocks: 256 weights in groups of 16 or 32, each group with a small integer scale (and minimum),
 * all of them times one half-precision `d` (and `dmin`). Layouts: ggml's block_q2_K and its siblings.
 *
 * Half (11 bits) times group scale (at most 7) times quantum (at most 6) fits float32's 24 bits, so the
 * products are exact and the one rounding is the store, as in the small blocks.
 */
import { asInt8, type DecodeBlock, nonLinearLevels, readHalf } from "./block-quants.js";

/** 16 bytes of scale and minimum nibbles, 64 bytes of 2-bit quanta, d, dmin. Groups of 16. */
export const decodeQ2_K: DecodeBlock = (bytes, at, out, to) => {
  const quanta = at + 16;
  const d = readHalf(bytes, at + 80);
  const dmin = readHalf(bytes, at + 82);
  for (let group = 0; group < 16; group++) {
    const packed = bytes[at + group]!;
    const scale = d * (packed & 15);
    const minimum = dmin * (packed >> 4);
    const from = quanta + (group >> 3) * 32 + (group & 1) * 16;
    const shift = ((group >> 1) & 3) * 2;
    for (let i = 0; i < 16; i++) {
      out[to + group * 16 + i] = scale * ((bytes[from + i]! >> shift) & 3) - minimum;
    }
  }
};

/** 32 bytes of high bits, 64 bytes of 2-bit quanta, 12 bytes of scales, d. Groups of 16. */
export const decodeQ3_K: DecodeBlock = (bytes, at, out, to) => {
  const quanta = at + 32;
  const d = readHalf(bytes, at + 108);
  for (let group = 0; group < 16; group++) {
    const scale = d * (readQ3Scale(bytes, at + 96, group) - 32);
    const column = (group & 1) * 16;
    const from = quanta + (group >> 3) * 32 + column;
    const shift = ((group >> 1) & 3) * 2;
    const highBit = group >> 1;
    for (let i = 0; i < 16; i++) {
      const high = (bytes[at + column + i]! >> highBit) & 1;
      out[to + group * 16 + i] = scale * (((bytes[from + i]! >> shift) & 3) + high * 4 - 4);
    }
  }
};

/** The 6-bit scale of a group: 4 low bits from the first eight bytes, 2 high bits from the last four. */
function readQ3Scale(bytes: Uint8Array, scales: number, group: number): number {
  const low = (bytes[scales + (group & 7)]! >> (group < 8 ? 0 : 4)) & 15;
  const high = (bytes[scales + 8 + (group & 3)]! >> ((group >> 2) * 2)) & 3;
  return low | (high << 4);
}

/** d, dmin, 12 bytes of scales and minima, 128 bytes of nibbles. Groups of 32. */
export const decodeQ4_K: DecodeBlock = (bytes, at, out, to) => {
  const quanta = at + 16;
  const d = readHalf(bytes, at);
  const dmin = readHalf(bytes, at + 2);
  for (let group = 0; group < 8; group++) {
    const scale = d * readGroupScale(bytes, at + 4, group);
    const minimum = dmin * readGroupMinimum(bytes, at + 4, group);
    const from = quanta + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      out[to + group * 32 + i] = scale * ((bytes[from + i]! >> shift) & 15) - minimum;
    }
  }
};

/** d, dmin, 12 bytes of scales and minima, 32 bytes of fifth bits, 128 bytes of nibbles. Groups of 32. */
export const decodeQ5_K: DecodeBlock = (bytes, at, out, to) => {
  const fifths = at + 16;
  const quanta = at + 48;
  const d = readHalf(bytes, at);
  const dmin = readHalf(bytes, at + 2);
  for (let group = 0; group < 8; group++) {
    const scale = d * readGroupScale(bytes, at + 4, group);
    const minimum = dmin * readGroupMinimum(bytes, at + 4, group);
    const from = quanta + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const fifth = (bytes[fifths + i]! >> group) & 1;
      out[to + group * 32 + i] = scale * (((bytes[from + i]! >> shift) & 15) | (fifth << 4)) - minimum;
    }
  }
};

/** Eight 6-bit scales and eight 6-bit minima share 12 bytes; the last four of each borrow the first's top bits. */
function readGroupScale(bytes: Uint8Array, packed: number, group: number): number {
  if (group < 4) return bytes[packed + group]! & 63;
  return (bytes[packed + group + 4]! & 15) | ((bytes[packed + group - 4]! >> 6) << 4);
}

function readGroupMinimum(bytes: Uint8Array, packed: number, group: number): number {
  if (group < 4) return bytes[packed + group + 4]! & 63;
  return (bytes[packed + group + 4]! >> 4) | ((bytes[packed + group]! >> 6) << 4);
}

/** 128 bytes of low nibbles, 64 bytes of 2-bit highs, 16 signed scales, d. Groups of 16. */
export const decodeQ6_K: DecodeBlock = (bytes, at, out, to) => {
  const d = readHalf(bytes, at + 208);
  for (let group = 0; group < 16; group++) {
    const half = group >> 3;
    const quarter = (group >> 1) & 3;
    const column = (group & 1) * 16;
    const scale = d * asInt8(bytes[at + 192 + group]!);
    const low = at + half * 64 + (quarter & 1) * 32 + column;
    const lowShift = (quarter >> 1) * 4;
    const high = at + 128 + half * 32 + column;
    const highShift = quarter * 2;
    for (let i = 0; i < 16; i++) {
      const quantum = ((bytes[low + i]! >> lowShift) & 15) | (((bytes[high + i]! >> highShift) & 3) << 4);
      out[to + group * 16 + i] = scale * (quantum - 32);
    }
  }
};

/** d, 16 bits of scale highs, 4 bytes of scale lows, 128 bytes of nibbles on the non-linear levels. Groups of 32. */
export const decodeIQ4_XS: DecodeBlock = (bytes, at, out, to) => {
  const d = readHalf(bytes, at);
  const scaleHighs = bytes[at + 2]! | (bytes[at + 3]! << 8);
  for (let group = 0; group < 8; group++) {
    const low = (bytes[at + 4 + (group >> 1)]! >> ((group & 1) * 4)) & 15;
    const high = (scaleHighs >> (group * 2)) & 3;
    const scale = d * ((low | (high << 4)) - 32);
    const from = at + 8 + group * 16;
    const first = to + group * 32;
    for (let i = 0; i < 16; i++) {
      const pair = bytes[from + i]!;
      out[first + i] = scale * nonLinearLevels[pair & 15]!;
      out[first + 16 + i] = scale * nonLinearLevels[pair >> 4]!;
    }
  }
};
