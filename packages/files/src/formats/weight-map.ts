/** `model.safetensors.index.json`: which of a checkpoint's tensors lies in which of its files. */
import { FilesError } from "../errors.js";
import type { Place } from "../places/place.js";
import { isJsonObject, readJsonText } from "../places/read-json.js";
import { isSafePath } from "../places/safe-path.js";

/** A larger index than any model has; the largest known ones are a few MiB. */
const longestIndex = 64 << 20;

/**
 * Tensor name to the path of its file, relative to the index.
 *
 * @throws FilesError `file-not-found`, `bad-header`
 */
export async function readWeightMap(index: Place): Promise<ReadonlyMap<string, string>> {
  const indexPath = index.path;
  const content = parseIndex(indexPath, await readIndex(index));
  const map = isJsonObject(content) ? content.weight_map : undefined;
  if (!isJsonObject(map)) throw badIndex(indexPath, 'it has no object "weight_map"');
  return new Map(Object.entries(map).map(([name, file]) => [name, checkFileName(indexPath, name, file)]));
}

async function readIndex(index: Place): Promise<string> {
  const text = await readJsonText(index, "bad-header", longestIndex);
  if (text !== undefined) return text;
  throw new FilesError("file-not-found", `There is no file ${index.path}: check the path.`);
}

function parseIndex(indexPath: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badIndex(indexPath, "it is not JSON", { cause });
  }
}

/** An index never reaches outside its folder. */
function checkFileName(indexPath: string, tensor: string, file: unknown): string {
  if (typeof file === "string" && isSafePath(file) && file.endsWith(".safetensors")) return file;
  const came = JSON.stringify(file)?.slice(0, 100);
  throw badIndex(
    indexPath,
    `tensor ${JSON.stringify(tensor.slice(0, 100))} is said to be in ${came}, which is not the path of a .safetensors file beside it`,
  );
}

function badIndex(indexPath: string, came: string, options?: ErrorOptions): FilesError {
  return new FilesError("bad-header", `${indexPath} is a damaged index: ${came}. Fetch it again.`, options);
}
