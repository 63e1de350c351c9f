import { type ByteCursor, longestName, viewOf } from "./byte-cursor.js";

/** An array of metadata; numbers come as the typed array of their width. */
export type GgufArray =
  | readonly string[]
  | readonly boolean[]
  | readonly GgufArray[]
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | BigUint64Array
  | BigInt64Array
  | Float64Array;

/** A value of metadata. A 64-bit integer is a `number` where that is exact, else a `bigint`. */
export type GgufValue = number | bigint | boolean | string | GgufArray;

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

interface NumberType {
  readonly bytes: number;
  readonly take: (view: DataView) => number | bigint;
  readonly toArray: (buffer: ArrayBuffer) => GgufArray;
}

/** Fixed-width value types by GGUF's number for them. */
const numberTypes: ReadonlyMap<number, NumberType> = new Map<number, NumberType>([
  [0, { bytes: 1, take: (view) => view.getUint8(0), toArray: (buffer) => new Uint8Array(buffer) }],
  [1, { bytes: 1, take: (view) => view.getInt8(0), toArray: (buffer) => new Int8Array(buffer) }],
  [2, { bytes: 2, take: (view) => view.getUint16(0, true), toArray: (buffer) => new Uint16Array(buffer) }],
  [3, { bytes: 2, take: (view) => view.getInt16(0, true), toArray: (buffer) => new Int16Array(buffer) }],
  [4, { bytes: 4, take: (view) => view.getUint32(0, true), toArray: (buffer) => new Uint32Array(buffer) }],
  [5, { bytes: 4, take: (view) => view.getInt32(0, true), toArray: (buffer) => new Int32Array(buffer) }],
  [6, { bytes: 4, take: (view) => view.getFloat32(0, true), toArray: (buffer) => new Float32Array(buffer) }],
  [
    10,
    { bytes: 8, take: (view) => narrow(view.getBigUint64(0, true)), toArray: (b) => new BigUint64Array(b) },
  ],
  [11, { bytes: 8, take: (view) => narrow(view.getBigInt64(0, true)), toArray: (b) => new BigInt64Array(b) }],
  [12, { bytes: 8, take: (view) => view.getFloat64(0, true), toArray: (buffer) => new Float64Array(buffer) }],
]);

const booleanType = 7;
const stringType = 8;
const arrayType = 9;

/** A key behind its length, a value type, one byte of value. */
const shortestEntry = 8 + 4 + 1;

/** Arrays in arrays occur in no known model; these bounds keep a hostile header from multiplying its size. */
const deepestArray = 4;
const mostNestedArrays = 1024;

/** Reads all key-value pairs. @throws FilesError `truncated-file`, `bad-header` */
export async function readMetadata(cursor: ByteCursor, count: number): Promise<GgufMetadata> {
  const metadata = new Map<string, GgufValue>();
  if (count * shortestEntry > cursor.remaining) {
    throw cursor.file.truncated(
      `a table of ${count} metadata entries`,
      cursor.position,
      count * shortestEntry,
    );
  }
  for (let entry = 0; entry < count; entry++) {
    const start = cursor.position;
    const key = await cursor.takeString(`the key of metadata entry ${entry}`, longestName);
    if (metadata.has(key)) throw cursor.badHeader("a metadata key", start, `"${key}" for the second time`);
    metadata.set(key, await readEntryValue(cursor, `"${key}"`));
  }
  return metadata;
}

async function readEntryValue(cursor: ByteCursor, what: string): Promise<GgufValue> {
  const type = await cursor.takeUint32(`the type of ${what}`);
  if (type !== arrayType) return readScalar(cursor, type, what);
  return readArray(cursor, what, 1, { nested: 0 });
}

async function readScalar(cursor: ByteCursor, type: number, what: string): Promise<GgufValue> {
  if (type === stringType) return cursor.takeString(what);
  if (type === booleanType) return asBoolean(cursor, (await cursor.take(1, what))[0]!, what);
  const number = numberTypes.get(type);
  if (number === undefined) throw unknownType(cursor, type, what);
  return number.take(viewOf(await cursor.take(number.bytes, what)));
}

async function readArray(
  cursor: ByteCursor,
  what: string,
  depth: number,
  seen: { nested: number },
): Promise<GgufArray> {
  const type = await cursor.takeUint32(`the element type of ${what}`);
  if (type === stringType) return readStrings(cursor, what);
  if (type === booleanType) return readBooleans(cursor, what);
  if (type === arrayType) return readNestedArrays(cursor, what, depth, seen);
  const number = numberTypes.get(type);
  if (number === undefined) throw unknownType(cursor, type, what);
  const length = await cursor.takeCount(`the length of ${what}`, number.bytes);
  // Copied into a buffer of its own, which typed arrays need for alignment.
  const bytes = new Uint8Array(length * number.bytes);
  bytes.set(await cursor.take(bytes.length, what));
  return number.toArray(bytes.buffer);
}

async function readStrings(cursor: ByteCursor, what: string): Promise<readonly string[]> {
  const length = await cursor.takeCount(`the length of ${what}`, 8);
  return cursor.takeStrings(length, what);
}

async function readBooleans(cursor: ByteCursor, what: string): Promise<readonly boolean[]> {
  const length = await cursor.takeCount(`the length of ${what}`, 1);
  const bytes = await cursor.take(length, what);
  return Array.from(bytes, (byte) => asBoolean(cursor, byte, what));
}

async function readNestedArrays(
  cursor: ByteCursor,
  what: string,
  depth: number,
  seen: { nested: number },
): Promise<readonly GgufArray[]> {
  const start = cursor.position;
  const length = await cursor.takeCount(`the length of ${what}`, 12);
  seen.nested += length;
  if (depth >= deepestArray || seen.nested > mostNestedArrays) {
    throw cursor.badHeader(
      what,
      start,
      `arrays in arrays, more than ${mostNestedArrays} or ${deepestArray} deep`,
    );
  }
  const arrays: GgufArray[] = [];
  for (let index = 0; index < length; index++) arrays.push(await readArray(cursor, what, depth + 1, seen));
  return arrays;
}

function asBoolean(cursor: ByteCursor, byte: number, what: string): boolean {
  if (byte > 1)
    throw cursor.badHeader(what, cursor.position - 1, `a truth value of ${byte} instead of 0 or 1`);
  return byte === 1;
}

function unknownType(cursor: ByteCursor, type: number, what: string): Error {
  return cursor.badHeader(what, cursor.position - 4, `of value type ${type}; the types known are 0 to 12`);
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
