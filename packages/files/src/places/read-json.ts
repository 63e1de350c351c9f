/** The JSON files of a folder, which anybody may have written: bounded in length and depth. */
import { FilesError, type FilesErrorCode } from "../errors.js";
import type { Place } from "./place.js";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Known ones nest about ten deep. JSON.parse takes any depth, but what prints or walks its result does not. */
const deepestJson = 64;

/** A file's text, of JSON that does not nest too deep; nothing where there is none. */
export async function readJsonText(
  file: Place,
  code: FilesErrorCode,
  mostBytes?: number,
): Promise<string | undefined> {
  const text = await file.readText(mostBytes);
  if (text === undefined || depthOf(text) <= deepestJson) return text;
  throw new FilesError(
    code,
    `${file.path} nests more than ${deepestJson} objects and lists, which no such file of a model does. Fetch it again.`,
  );
}

/** A file's JSON object; nothing where there is none. @throws FilesError `bad-config` */
export async function readJsonObject(file: Place): Promise<JsonObject | undefined> {
  const text = await readJsonText(file, "bad-config");
  return text === undefined ? undefined : parseObject(text, file.path);
}

function parseObject(text: string, path: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FilesError(
      "bad-config",
      `${path} is not JSON: ${(cause as Error).message}. Fetch the file again.`,
      { cause },
    );
  }
  if (isJsonObject(value)) return value;
  throw new FilesError("bad-config", `${path} must hold a JSON object.`);
}

const [quote, backslash, openList, closeList, openObject, closeObject] = [...'"\\[]{}'].map((character) =>
  character.charCodeAt(0),
);

/** How deep a text nests; one that is no JSON has some depth too. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === quote) quoted = !quoted;
    else if (quoted) at += character === backslash ? 1 : 0;
    else if (character === openList || character === openObject) deepest = Math.max(deepest, ++depth);
    else if (character === closeList || character === closeObject) depth--;
  }
  return deepest;
}
