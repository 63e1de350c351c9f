import { FilesError } from "../errors.js";
import { isJsonObject } from "../places/read-json.js";
import { viewOf } from "./byte-cursor.js";
import { countElements, encodedBytes } from "./file-tensor.js";
import type { ModelFile } from "./model-file.js";
import { plain, type TensorType } from "./numbers/dequantise.js";
import {
  decodeBfloat16,
  decodeFloat16,
  decodeFloat32,
  decodeFloat64,
  isFiniteBfloat16,
  isFiniteFloat32,
  isFiniteFloat64,
  isFiniteHalf,
} from "./numbers/plain-floats.js";
import { describeBeginning, latin1, showBytes } from "./recognise-file.js";

/** One tensor of the header, checked against its file. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly storage: TensorType;
  /** In bytes, from the start of the data. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** What the file says of itself under `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: readonly SafetensorsEntry[];
  /** The byte that the data starts at. */
  readonly dataStart: number;
}

/** Names that are no UTF-8 could become each other. */
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The length field that every file begins with. */
const lengthBytes = 8;

/** The format's own bound on its header. */
const longestHeader = 100_000_000;

/** PyTorch's own bound. */
const mostAxes = 64;

/** A header nests objects and arrays three deep and spends more than eight bytes on each. */
const deepestNesting = 3;
const fewestBytesPerContainer = 8;

const floatTypes = [
  plain("F32", 4, decodeFloat32, isFiniteFloat32),
  plain("F16", 2, decodeFloat16, isFiniteHalf),
  plain("BF16", 2, decodeBfloat16, isFiniteBfloat16),
  plain("F64", 8, decodeFloat64, isFiniteFloat64),
];

/** Types that may lie beside the weights (masks, positions, counters): known by their width, not read. */
const unreadWidths: readonly (readonly [name: string, bytes: number])[] = [
  ...["BOOL", "U8", "I8"].map((name) => [name, 1] as const),
  ...["F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"].map((name) => [name, 1] as const),
  ...(["U16", "I16"] as const).map((name) => [name, 2] as const),
  ...(["U32", "I32"] as const).map((name) => [name, 4] as const),
  ...(["U64", "I64", "C64"] as const).map((name) => [name, 8] as const),
];

const storageTypes: ReadonlyMap<string, TensorType> = new Map(
  [...floatTypes, ...unreadWidths.map(([name, bytes]) => unread(name, bytes))].map((type) => [
    type.name,
    type,
  ]),
);

/**
 * Reads and checks the header: every type known, every shape as long as its bytes, the tensors side by side from
 * the first byte of the data to the last.
 *
 * @throws FilesError `not-a-model`, `truncated-file`, `bad-header`, `unknown-tensor-type`
 */
export async function readSafetensorsHeader(file: ModelFile): Promise<SafetensorsHeader> {
  const length = await readHeaderLength(file);
  const bytes = new Uint8Array(length);
  await file.read(bytes, lengthBytes, "the header");
  const header = parseHeader(file, bytes);
  const dataStart = lengthBytes + length;
  const { __metadata__: metadata, ...tensors } = header;
  const entries = Object.entries(tensors).map(([name, value]) => checkEntry(file, name, value));
  checkCoverage(file, entries, dataStart);
  return { metadata: checkMetadata(file, metadata), entries, dataStart };
}

async function readHeaderLength(file: ModelFile): Promise<number> {
  const start = new Uint8Array(Math.min(32, file.size));
  await file.read(start, 0, "the beginning");
  if (start.length <= lengthBytes) throw file.truncated("the header", 0, lengthBytes + "{}".length);
  const length = viewOf(start).getUint32(0, true) + viewOf(start).getUint32(4, true) * 2 ** 32;
  const [first] = latin1(start.subarray(lengthBytes)).trimStart();
  // Whitespace alone may go on behind what was looked at.
  if (length > longestHeader || (first !== undefined && first !== "{")) {
    throw new FilesError(
      "not-a-model",
      `${file.path} is not a safetensors file: it should start with a length up to ${longestHeader} and "{", ` +
        `but starts with ${showBytes(start.subarray(0, lengthBytes + 1))}. ${describeBeginning(start)}`,
    );
  }
  if (lengthBytes + length > file.size) throw file.truncated("the header", lengthBytes, length);
  return length;
}

function parseHeader(file: ModelFile, bytes: Uint8Array): Record<string, unknown> {
  refuseNesting(file, bytes);
  const value = parseJson(file, bytes);
  if (isJsonObject(value)) return value;
  throw badHeader(file, "the header is not a JSON object");
}

/** Keeps `[[[[…` and `[],[],…` from becoming many times their size in memory. */
function refuseNesting(file: ModelFile, bytes: Uint8Array): void {
  let depth = 0;
  let containers = 0;
  let quoted = false;
  for (let at = 0; at < bytes.length; at++) {
    const character = bytes[at];
    if (character === 0x22) quoted = !quoted;
    else if (quoted) at += character === 0x5c ? 1 : 0;
    else if (character === 0x5b || character === 0x7b) {
      containers++;
      depth++;
    } else if (character === 0x5d || character === 0x7d) depth--;
    if (depth > deepestNesting)
      throw badHeader(file, `byte ${lengthBytes + at} nests deeper than a tensor's entry`);
  }
  if (containers * fewestBytesPerContainer > bytes.length + lengthBytes) {
    throw badHeader(file, `the header holds ${containers} objects and lists in ${bytes.length} bytes`);
  }
}

function parseJson(file: ModelFile, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strictUtf8.decode(bytes));
  } catch (cause) {
    // The parser quotes what it read, which may be unprintable: its words stay in the cause.
    throw badHeader(file, `bytes ${lengthBytes} to ${lengthBytes + bytes.length} are not JSON in UTF-8`, {
      cause,
    });
  }
}

function checkEntry(file: ModelFile, name: string, value: unknown): SafetensorsEntry {
  if (!isJsonObject(value)) throw badHeader(file, `the entry of tensor ${quote(name)} is not an object`);
  const storage = checkType(file, name, value.dtype);
  const shape = value.shape;
  if (!isListOfCounts(shape) || shape.length > mostAxes)
    throw badHeader(
      file,
      `the shape of tensor ${quote(name)} is not a list of at most ${mostAxes} whole numbers`,
    );
  const offsets = value.data_offsets;
  if (!isListOfCounts(offsets) || offsets.length !== 2) {
    throw badHeader(file, `the data_offsets of tensor ${quote(name)} are not two whole numbers`);
  }
  const [begin = 0, end = 0] = offsets;
  const needed = encodedBytes(storage, countElements(shape));
  if (end - begin === needed) return { name, shape, storage, begin, end };
  const of = `tensor ${quote(name)} of type ${storage.name} and ${shape.length} axes`;
  throw badHeader(file, `${of} needs ${needed} bytes, but its data_offsets are ${begin} to ${end}`);
}

function checkType(file: ModelFile, name: string, dtype: unknown): TensorType {
  const type = typeof dtype === "string" ? storageTypes.get(dtype) : undefined;
  if (type !== undefined) return type;
  const came = typeof dtype === "string" ? quote(dtype) : "no text";
  throw new FilesError(
    "unknown-tensor-type",
    `Tensor ${quote(name)} of ${file.path} has the type ${came}; F32, F16, BF16 and F64 are read. ` +
      "Save the model in one of them.",
  );
}

/** The format allows neither holes nor overlaps, which also finds cut files and doubled names. */
function checkCoverage(file: ModelFile, entries: readonly SafetensorsEntry[], dataStart: number): void {
  const available = file.size - dataStart;
  let end = 0;
  for (const entry of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.end > available) {
      throw file.truncated(`tensor ${quote(entry.name)}`, dataStart + entry.begin, entry.end - entry.begin);
    }
    if (entry.begin !== end) {
      const fault = entry.begin < end ? "overlaps the tensor before it" : "leaves a gap before it";
      throw badHeader(
        file,
        `tensor ${quote(entry.name)} starts at byte ${dataStart + entry.begin} and ${fault}`,
      );
    }
    end = entry.end;
  }
  if (end !== available)
    throw badHeader(file, `${available - end} bytes from byte ${dataStart + end} on belong to no tensor`);
}

/** null counts as absent, as in the format's own library. */
function checkMetadata(file: ModelFile, metadata: unknown): ReadonlyMap<string, string> {
  if (metadata === undefined || metadata === null) return new Map();
  if (!isJsonObject(metadata)) throw badHeader(file, "__metadata__ is not an object");
  return new Map(
    Object.entries(metadata).map(([key, value]) => {
      if (typeof value === "string") return [key, value];
      throw badHeader(file, `${quote(key)} of __metadata__ is not text`);
    }),
  );
}

function unread(name: string, bytes: number): TensorType {
  return plain(
    name,
    bytes,
    () => refuseType(name),
    () => true,
  );
}

function refuseType(name: string): never {
  throw new FilesError(
    "unknown-tensor-type",
    `A tensor of type ${name} cannot be read as weights; F32, F16, BF16 and F64 can. Save the model in one of them.`,
  );
}

function badHeader(file: ModelFile, came: string, options?: ErrorOptions): FilesError {
  return new FilesError(
    "bad-header",
    `${file.path} has a damaged header: ${came}. Fetch the file again.`,
    options,
  );
}

function isListOfCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** A name from the file, cut to a length that an error can show. */
function quote(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
