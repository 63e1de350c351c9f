import { FilesError } from "../errors.js";
import { type ByteCursor, longestName } from "./byte-cursor.js";
import { countElements, encodedBytes, FileTensor } from "./file-tensor.js";
import type { GgufMetadata } from "./gguf-metadata.js";
import type { ModelFile } from "./model-file.js";
import { ggufTensorTypes, type TensorType, unreadGgufTypes } from "./numbers/dequantise.js";
import type { TensorSource } from "./tensor-source.js";

/** ggml's tensors have at most four axes. */
const mostAxes = 4;

/** A name behind its length, the number of axes, a type, an offset. */
const shortestEntry = 8 + 4 + 4 + 8;

interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly storage: TensorType;
  /** In bytes, from the start of the data. */
  readonly offset: number;
}

/**
 * Reads the table behind the metadata and checks that every tensor lies in the file, aligned and apart.
 *
 * @throws FilesError `truncated-file`, `bad-header`, `unknown-tensor-type`
 */
export async function readTensorTable(
  cursor: ByteCursor,
  count: number,
  metadata: GgufMetadata,
): Promise<ReadonlyMap<string, TensorSource>> {
  if (count * shortestEntry > cursor.remaining) {
    throw cursor.file.truncated(`a table of ${count} tensors`, cursor.position, count * shortestEntry);
  }
  const alignment = readAlignment(cursor.file, metadata);
  const entries: TensorEntry[] = [];
  for (let index = 0; index < count; index++) entries.push(await readEntry(cursor, index, alignment));
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  refuseOverlap(cursor.file, entries, dataStart);
  return placeTensors(cursor.file, entries, dataStart);
}

function readAlignment(file: ModelFile, metadata: GgufMetadata): number {
  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment === "number" && alignment >= 1 && Number.isInteger(Math.log2(alignment)))
    return alignment;
  throw new FilesError(
    "bad-header",
    `${file.path} has a damaged header: general.alignment is not a power of two. Fetch the file again.`,
  );
}

async function readEntry(cursor: ByteCursor, index: number, alignment: number): Promise<TensorEntry> {
  const name = await cursor.takeString(`the name of tensor ${index}`, longestName);
  const innermostFirst = await readAxes(cursor, name);
  const storage = await readType(cursor, name);
  const rowLength = innermostFirst[0] ?? 1;
  if (rowLength % storage.blockSize !== 0) {
    const came = `${rowLength} numbers long, not a multiple of ${storage.name}'s block of ${storage.blockSize}`;
    throw cursor.badHeader(`a row of tensor "${name}"`, cursor.position - 4, came);
  }
  const offset = await cursor.takeSize(`the offset of tensor "${name}"`);
  if (offset % alignment !== 0) {
    const came = `${offset}, not a multiple of the alignment ${alignment}`;
    throw cursor.badHeader(`the offset of tensor "${name}"`, cursor.position - 8, came);
  }
  return { name, shape: innermostFirst.reverse(), storage, offset };
}

/** The axes as the file has them, innermost first. */
async function readAxes(cursor: ByteCursor, name: string): Promise<number[]> {
  const start = cursor.position;
  const rank = await cursor.takeUint32(`the number of axes of tensor "${name}"`);
  if (rank > mostAxes)
    throw cursor.badHeader(`tensor "${name}"`, start, `of ${rank} axes; ${mostAxes} is the most`);
  const axes: number[] = [];
  for (let axis = 0; axis < rank; axis++)
    axes.push(await cursor.takeSize(`axis ${axis} of tensor "${name}"`));
  if (axes.includes(0)) throw cursor.badHeader(`tensor "${name}"`, start, "empty: one of its axes is 0 long");
  if (Number.isSafeInteger(countElements(axes) * 8)) return axes;
  throw cursor.badHeader(
    `tensor "${name}"`,
    start,
    `of shape ${axes.join(" x ")}, more than any file can hold`,
  );
}

async function readType(cursor: ByteCursor, name: string): Promise<TensorType> {
  const id = await cursor.takeUint32(`the type of tensor "${name}"`);
  const type = ggufTensorTypes.get(id);
  if (type !== undefined) return type;
  const readable = [...ggufTensorTypes.values()].map((known) => known.name).join(", ");
  throw new FilesError(
    "unknown-tensor-type",
    `Tensor "${name}" of ${cursor.file.path} (byte ${cursor.position - 4}) has type ${id} ` +
      `(${unreadGgufTypes.get(id) ?? "unknown"}), which is not read here. Take a file in one of ${readable}.`,
  );
}

function refuseOverlap(file: ModelFile, entries: readonly TensorEntry[], dataStart: number): void {
  const inOrder = entries.toSorted((a, b) => a.offset - b.offset);
  let end = 0;
  for (const [index, entry] of inOrder.entries()) {
    if (entry.offset < end) {
      throw new FilesError(
        "bad-header",
        `${file.path} has a damaged header: tensor "${entry.name}" starts at byte ${dataStart + entry.offset}, ` +
          `inside tensor "${inOrder[index - 1]!.name}". Fetch the file again.`,
      );
    }
    end = entry.offset + lengthOf(entry);
  }
}

function placeTensors(
  file: ModelFile,
  entries: readonly TensorEntry[],
  dataStart: number,
): ReadonlyMap<string, TensorSource> {
  const tensors = new Map<string, TensorSource>();
  for (const entry of entries) {
    const position = dataStart + entry.offset;
    if (tensors.has(entry.name)) {
      throw new FilesError(
        "bad-header",
        `${file.path} has a damaged header: tensor "${entry.name}" is there twice, again at byte ${position}. ` +
          "Fetch the file again.",
      );
    }
    if (position + lengthOf(entry) > file.size) {
      throw file.truncated(`tensor "${entry.name}"`, position, lengthOf(entry));
    }
    tensors.set(entry.name, new FileTensor(file, entry.name, entry.shape, entry.storage, position));
  }
  return tensors;
}

function lengthOf(entry: TensorEntry): number {
  return encodedBytes(entry.storage, countElements(entry.shape));
}
