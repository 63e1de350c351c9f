/**
 * The tensors that a file's bytes say it has, read straight from the formats' descriptions with nothing checked: what a
 * file means if it means anything.
 */

export interface PlainTensor {
  readonly type: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

/** Bytes of GGUF's values by the number of their type; strings (8) and arrays (9) say their own. */
const valueBytes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/** Name, numbers in a block and bytes of a block, by GGUF's number for a tensor's type. */
const tensorTypes: Readonly<Record<number, readonly [string, number, number]>> = {
  0: ["F32", 1, 4],
  1: ["F16", 1, 2],
  8: ["Q8_0", 32, 34],
  24: ["I8", 1, 1],
  25: ["I16", 1, 2],
  26: ["I32", 1, 4],
  27: ["I64", 1, 8],
  28: ["F64", 1, 8],
  30: ["BF16", 1, 2],
};

export function plainGguf(file: Buffer): Map<string, PlainTensor> {
  let at = 8;
  const take = (length: number) => {
    at += length;
    return at - length;
  };
  const u32 = () => file.readUInt32LE(take(4));
  const u64 = () => Number(file.readBigUInt64LE(take(8)));
  const string = () => {
    const length = u64();
    return file.toString("utf8", take(length), at);
  };
  const skip = (type: number) => {
    if (type === 8) string();
    else if (type === 9) for (let inner = u32(), left = u64(); left > 0; left--) skip(inner);
    else take(valueBytes[type]!);
  };
  const [tensorCount, entryCount] = [u64(), u64()];
  let alignment = 32;
  for (let entry = 0; entry < entryCount; entry++) {
    const [key, type] = [string(), u32()];
    if (key === "general.alignment") alignment = file.readUInt32LE(at);
    skip(type);
  }
  const table = Array.from({ length: tensorCount }, () => {
    const name = string();
    const axes = Array.from({ length: u32() }, u64);
    return { name, shape: axes.reverse(), id: u32(), offset: u64() };
  });
  const start = Math.ceil(at / alignment) * alignment;
  return new Map(
    table.map(({ name, shape, id, offset }) => {
      const [type, block, bytes] = tensorTypes[id] ?? [`type ${id}`, 1, 0];
      const length = (sizeOf(shape) / block) * bytes;
      return [name, { type, shape, bytes: file.subarray(start + offset, start + offset + length) }];
    }),
  );
}

interface SafetensorsEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

export function plainSafetensors(file: Buffer): Map<string, PlainTensor> {
  const start = 8 + Number(file.readBigUInt64LE(0));
  const { __metadata__: _, ...header } = JSON.parse(file.toString("utf8", 8, start));
  return new Map(
    Object.entries(header as Record<string, SafetensorsEntry>).map(([name, entry]) => {
      const [from, to] = entry.data_offsets;
      return [
        name,
        { type: entry.dtype, shape: entry.shape, bytes: file.subarray(start + from, start + to) },
      ];
    }),
  );
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}
