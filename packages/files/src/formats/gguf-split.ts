import { FilesError } from "../errors.js";
import type { Place } from "../places/place.js";
import type { GgufFile } from "./gguf-file.js";
import type { TensorSource } from "./tensor-source.js";

/** As many names as an error lists before it only counts. */
const mostNamed = 5;

/**
 * Completes a part to the whole model: opens its siblings and merges their tensors. A file that is not split
 * comes back as it is. Closes what it opened when it fails, but never the part it was given.
 *
 * @throws FilesError `file-not-found` naming missing parts, `bad-header` where parts do not fit together
 */
export async function openSplitGguf(
  part: GgufFile,
  place: Place,
  openPart: (place: Place) => Promise<GgufFile>,
): Promise<GgufFile> {
  const count = part.metadata.get("split.count") ?? 0;
  if (typeof count !== "number") throw misfit(part, "split.count is not a number");
  if (count === 0 || count === 1) return part;
  const places = namePartsOf(place, count).map((name) => (name === place.name ? place : place.sibling(name)));
  await refuseMissing(places);
  const opened: GgufFile[] = [];
  try {
    for (const other of places) opened.push(other === place ? part : await openPart(other));
    return joinParts(part, opened);
  } catch (error) {
    await Promise.all(opened.filter((other) => other !== part).map((other) => other.close()));
    throw error;
  }
}

/** The names of all parts, from that of one: `model-00002-of-00003.gguf`. */
function namePartsOf({ path, name }: Place, count: number): string[] {
  const match = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s.exec(name);
  const index = Number(match?.[2]) - 1;
  if (match === null || Number(match[3]) !== count || index < 0 || index >= count) {
    throw new FilesError(
      "bad-header",
      `${path} is part of a model split into ${count} files, so its name must end in ` +
        `-0000X-of-${String(count).padStart(5, "0")}.gguf: give the parts their original names.`,
    );
  }
  const partName = (part: number) => `${match[1]}-${String(part + 1).padStart(5, "0")}-of-${match[3]}.gguf`;
  return Array.from({ length: Number(match[3]) }, (_, part) => partName(part));
}

async function refuseMissing(places: readonly Place[]): Promise<void> {
  const missing: string[] = [];
  for (const place of places) {
    if (!(await place.kind())) missing.push(place.path);
  }
  if (missing.length === 0) return;
  const more = missing.length > mostNamed ? ` and ${missing.length - mostNamed} more` : "";
  throw new FilesError(
    "file-not-found",
    `The model is split into ${places.length} files and ${missing.length} of them are missing: ` +
      `${missing.slice(0, mostNamed).join(", ")}${more}. Put all parts into one folder.`,
  );
}

function joinParts(asked: GgufFile, parts: readonly GgufFile[]): GgufFile {
  const tensors = new Map<string, TensorSource>();
  for (const [index, part] of parts.entries()) {
    checkPlace(part, index, parts.length);
    for (const [name, tensor] of part.tensors) {
      if (tensors.has(name)) throw misfit(part, `tensor "${name}" is in an earlier part as well`);
      tensors.set(name, tensor);
    }
  }
  const expected = asked.metadata.get("split.tensors.count");
  if (expected !== undefined && expected !== tensors.size) {
    throw misfit(asked, `split.tensors.count is ${expected}, but the parts hold ${tensors.size} tensors`);
  }
  const close = async () => void (await Promise.all(parts.map((part) => part.close())));
  return { path: asked.path, metadata: parts[0]!.metadata, tensors, close };
}

function checkPlace(part: GgufFile, index: number, count: number): void {
  const place = part.metadata.get("split.no");
  if (place !== index) throw misfit(part, `split.no is ${place}, but by its name it is ${index}`);
  const itsCount = part.metadata.get("split.count");
  if (itsCount !== count) throw misfit(part, `split.count is ${itsCount}, but its siblings say ${count}`);
}

function misfit(part: GgufFile, came: string): FilesError {
  return new FilesError(
    "bad-header",
    `${part.path} does not fit the other parts of the model: ${came}. Fetch all parts from one place again.`,
  );
}
