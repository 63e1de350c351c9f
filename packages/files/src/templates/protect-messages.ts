import { FilesError } from "../errors.js";
import { isJsonObject } from "../places/read-json.js";

/** Messages that a template may work on without a control token ever arising from their text. */
export interface ProtectedMessages<T> {
  readonly messages: T;
  /** Stand-in to the character it stands for; put back after the control tokens have been read. */
  readonly standIns: ReadonlyMap<string, string>;
}

/**
 * What people write is data: where a control token could begin in it, a private-use character that occurs
 * nowhere else stands in for that first character while the template runs. So the template's own control tokens
 * are the only ones in its output, whatever it trims, cuts or joins. Tags that the template itself looks for
 * (`</think>`) stay readable to it, and text without such beginnings is not touched at all.
 */
export function protectMessages<T>(
  messages: T,
  controlPieces: readonly string[],
  template: string,
): ProtectedMessages<T> {
  const written = JSON.stringify(messages) + template + controlPieces.join("");
  const firsts = new Set(controlPieces.map(firstCharacter));
  const standInOf = new Map<string, string>();
  const free = unusedCharacters(written);
  for (const character of firsts) standInOf.set(character, takeNext(free));
  const readable = new Set(template.match(tagPattern) ?? []);
  const hiding = { controlPieces, standInOf, readable, firsts: anyOf(firsts) };
  const hide = (text: string) => hideBeginnings(text, hiding);
  return {
    messages: mapTexts(messages, hide) as T,
    standIns: new Map(Array.from(standInOf, ([character, standIn]) => [standIn, character])),
  };
}

const tagPattern = /<\/?[\w-]+>|\[\/?[\w-]+\]/g;

interface Hiding {
  readonly controlPieces: readonly string[];
  readonly standInOf: ReadonlyMap<string, string>;
  readonly readable: ReadonlySet<string>;
  /** Any character that a control token begins with. */
  readonly firsts: RegExp;
}

/** One of these characters; of none, nothing. */
function anyOf(characters: ReadonlySet<string>): RegExp {
  const escaped = Array.from(characters, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
  return new RegExp(escaped.length === 0 ? "(?!)" : `[${escaped.join("")}]`, "gu");
}

/** Looks at those characters alone that a control token begins with: a text may be long. */
function hideBeginnings(text: string, hiding: Hiding): string {
  const { standInOf, firsts } = hiding;
  return text.replace(firsts, (character, index: number) =>
    mayBegin(text, index, character, hiding) ? standInOf.get(character)! : character,
  );
}

/** A letter or a space begins too much plain text: it is hidden only where the whole token is spelled out. */
function mayBegin(
  text: string,
  index: number,
  character: string,
  { controlPieces, readable }: Hiding,
): boolean {
  if (controlPieces.some((piece) => text.startsWith(piece, index))) return true;
  if (/[\p{L}\p{N}\s]/u.test(character)) return false;
  const tag = new RegExp(tagPattern.source, "y");
  tag.lastIndex = index;
  const found = tag.exec(text)?.[0];
  return found === undefined || !readable.has(found);
}

/** The same value with every text in it, at any depth, mapped. */
function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === "string") return map(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, map));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, map)]));
}

function firstCharacter(piece: string): string {
  return String.fromCodePoint(piece.codePointAt(0)!);
}

/** Private-use characters (U+E000 to U+F8FF) that a text does not contain. */
function* unusedCharacters(text: string): Iterator<string, undefined> {
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) yield character;
  }
  return undefined;
}

function takeNext(characters: Iterator<string, undefined>): string {
  const { value } = characters.next();
  if (value !== undefined) return value;
  throw new FilesError(
    "bad-template",
    "The messages use every private-use character; none is left to mark them.",
  );
}
