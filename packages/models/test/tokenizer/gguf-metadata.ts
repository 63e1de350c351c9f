import { closeSync, openSync, readSync } from "node:fs";

/** Reads the key-value pairs of a GGUF file; a reader of the tests' own, sizes in bytes by type number. */
export function readGgufMetadata(path: string, headerBytes = 8_000_000): Map<string, unknown> {
  const bytes = Buffer.alloc(headerBytes);
  const file = openSync(path, "r");
  readSync(file, bytes, 0, headerBytes, 0);
  closeSync(file);
  let at = 16;
  const advance = (size: number) => {
    at += size;
    return at - size;
  };
  const readCount = () => Number(bytes.readBigUInt64LE(advance(8)));
  const readText = () => {
    const length = readCount();
    return bytes.toString("utf8", advance(length), at);
  };
  const scalars: Record<number, () => unknown> = {
    4: () => bytes.readUInt32LE(advance(4)),
    5: () => bytes.readInt32LE(advance(4)),
    6: () => bytes.readFloatLE(advance(4)),
    7: () => bytes[advance(1)] === 1,
    8: readText,
    10: readCount,
  };
  const readValue = (type: number): unknown => {
    if (type !== 9) return scalars[type]!();
    const itemType = bytes.readUInt32LE(advance(4));
    return Array.from({ length: readCount() }, () => readValue(itemType));
  };
  const pairs = readCount();
  return new Map(
    Array.from({ length: pairs }, () => [readText(), readValue(bytes.readUInt32LE(advance(4)))]),
  );
}
