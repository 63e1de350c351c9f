import { FilesError } from "../errors.js";
import type { Place } from "../places/place.js";
import { ByteCursor } from "./byte-cursor.js";
import type { GgufFile } from "./gguf-file.js";
import { type GgufMetadata, readMetadata } from "./gguf-metadata.js";
import { openSplitGguf } from "./gguf-split.js";
import { readTensorTable } from "./gguf-tensor-table.js";
import { closeOnFailure, ModelFile } from "./model-file.js";
import { describeBeginning, latin1, showBytes } from "./recognise-file.js";
import type { TensorSource } from "./tensor-source.js";

const magic = "GGUF";
const readableVersions = [2, 3];

/**
 * Opens a GGUF file, version 2 or 3, little-endian. Of a split model (`-00001-of-0000N.gguf`) any part may be
 * given; all are opened as one. Format: ggml's docs/gguf.md.
 *
 * @throws FilesError `file-not-found`, `file-unreadable`, `not-a-model`, `truncated-file`, `bad-header`,
 *   `unknown-tensor-type`
 */
export async function openGguf(place: Place): Promise<GgufFile> {
  const part = await openGgufPart(place);
  return closeOnFailure(part, () => openSplitGguf(part, place, openGgufPart));
}

/** Opens one file, split or not. */
async function openGgufPart(place: Place): Promise<GgufFile> {
  const file = await ModelFile.open(place);
  return closeOnFailure(file, async () => {
    const { metadata, tensors } = await readHeader(file);
    return { path: file.path, metadata, tensors, close: () => file.close() };
  });
}

async function readHeader(
  file: ModelFile,
): Promise<{ metadata: GgufMetadata; tensors: ReadonlyMap<string, TensorSource> }> {
  const cursor = new ByteCursor(file);
  await checkMagic(cursor);
  await checkVersion(cursor);
  const tensorCount = await cursor.takeSize("the number of tensors");
  const entryCount = await cursor.takeSize("the number of metadata entries");
  const metadata = await readMetadata(cursor, entryCount);
  return { metadata, tensors: await readTensorTable(cursor, tensorCount, metadata) };
}

async function checkMagic(cursor: ByteCursor): Promise<void> {
  const bytes = await cursor.take(Math.min(32, cursor.file.size), "the beginning");
  if (latin1(bytes.subarray(0, 4)) !== magic) {
    throw new FilesError(
      "not-a-model",
      `${cursor.file.path} is not a GGUF file: it starts with ${showBytes(bytes.subarray(0, 4))} instead of ` +
        `${showBytes(new TextEncoder().encode(magic))} ("${magic}"). ${describeBeginning(bytes)}`,
    );
  }
  cursor.position = magic.length;
}

async function checkVersion(cursor: ByteCursor): Promise<void> {
  const version = await cursor.takeUint32("the version");
  if (readableVersions.includes(version)) return;
  const reason = readableVersions.includes(swapBytes(version))
    ? "a big-endian file"
    : "a version not read here";
  throw new FilesError(
    "bad-header",
    `${cursor.file.path} has version ${version} at byte 4, ${reason}; versions 2 and 3, little-endian, are read. ` +
      "Convert it again with a current llama.cpp.",
  );
}

function swapBytes(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value);
  return view.getUint32(0, true);
}
