/** Decodes little-endian numbers to float32; the host is little-endian, as every JavaScript engine's typed arrays are. */
export type Decode = (bytes: Uint8Array, out: Float32Array) => void;

/** The float32 of each of the 65,536 half-precision bit patterns. */
export const floatOfHalf = Float32Array.from({ length: 1 << 16 }, (_, bits) => expandHalf(bits));

/** IEEE binary16: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits. Every value is exact in float32. */
function expandHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export const decodeFloat32: Decode = (bytes, out) => {
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
};

export const decodeFloat16: Decode = (bytes, out) => {
  for (let i = 0, at = 0; i < out.length; i++, at += 2) {
    out[i] = floatOfHalf[bytes[at]! | (bytes[at + 1]! << 8)]!;
  }
};

/** bfloat16 is the upper half of a float32. */
export const decodeBfloat16: Decode = (bytes, out) => {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0, at = 0; i < bits.length; i++, at += 2) {
    bits[i] = (bytes[at]! << 16) | (bytes[at + 1]! << 24);
  }
};

/** Rounds each number to the nearest float32. */
export const decodeFloat64: Decode = (bytes, out) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < out.length; i++) out[i] = view.getFloat64(i * 8, true);
};

/* A float whose exponent is all ones is infinite or NaN; the bytes are little-endian. */

export function isFiniteHalf(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 1]! & 0x7c) !== 0x7c;
}

export function isFiniteBfloat16(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 1]! & 0x7f) !== 0x7f || bytes[at]! < 0x80;
}

export function isFiniteFloat32(bytes: Uint8Array, at: number): boolean {
  return isFiniteBfloat16(bytes, at + 2);
}

/** As a float32, which a large float64 is not. */
export function isFiniteFloat64(bytes: Uint8Array, at: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  return Number.isFinite(Math.fround(view.getFloat64(0, true)));
}
