/** Writes what `safetensors.ts` reads. */

/** A tensor that is to be written, row-major. */
export interface WrittenTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** F32 keeps every bit; BF16 keeps 8 bits of the fraction, rounded to nearest, ties to even. */
export type WrittenType = "F32" | "BF16";

/**
 * A safetensors file in memory, its tensors in the order of the map.
 *
 * @param metadata what the file says of itself
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, WrittenTensor>,
  type: WrittenType,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: "pt", ...metadata } };
  const encoded = [...tensors].map(([name, { shape, values }]) => ({
    name,
    shape,
    bytes: encode(values, type),
  }));
  let end = 0;
  for (const { name, shape, bytes } of encoded) {
    header[name] = { dtype: type, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  return join(
    header,
    encoded.map(({ bytes }) => bytes),
  );
}

/** The header's length in 8 bytes, the header, filled up with spaces to 8 bytes, the data. */
function join(header: unknown, data: readonly Uint8Array[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  const total = data.reduce((sum, bytes) => sum + bytes.length, 8 + length);
  const file = new Uint8Array(total);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.fill(" ".charCodeAt(0), 8, 8 + length);
  file.set(text, 8);
  let position = 8 + length;
  for (const bytes of data) {
    file.set(bytes, position);
    position += bytes.length;
  }
  return file;
}

function encode(values: Float32Array, type: WrittenType): Uint8Array {
  if (type === "F32") return new Uint8Array(values.slice().buffer);
  return new Uint8Array(Uint16Array.from(bitsOf(values), roundToBfloat16).buffer);
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** bfloat16 is the upper half of a float32; NaN stays NaN, whatever its lower half. */
function roundToBfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
