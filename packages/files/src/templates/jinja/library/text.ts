import { whiteSpace } from "../syntax/characters.js";
import { TemplateError } from "../template-error.js";

/** What Python's texts do, on texts alone. */

const whiteRuns = new RegExp(`[${whiteSpace}]+`, "g");
const whiteOne = new RegExp(`^[${whiteSpace}]$`);

/** Without the characters of the set at its edges; without white space where there is no set. */
export function stripText(
  text: string,
  set: ReadonlySet<string> | undefined,
  start: boolean,
  end: boolean,
): string {
  const isStripped = (character: string) => (set ? set.has(character) : whiteOne.test(character));
  let from = 0;
  let to = text.length;
  while (start && from < to) {
    const character = String.fromCodePoint(text.codePointAt(from)!);
    if (!isStripped(character)) break;
    from += character.length;
  }
  while (end && to > from) {
    const character = lastCharacter(text, to);
    if (!isStripped(character)) break;
    to -= character.length;
  }
  return text.slice(from, Math.max(from, to));
}

function lastCharacter(text: string, end: number): string {
  const pair = text.slice(Math.max(0, end - 2), end);
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(pair) ? pair : text.slice(end - 1, end);
}

/** Between runs of white space, at most `limit` times; without a limit where it is negative. */
export function splitWhite(text: string, limit: number, fromEnd: boolean): string[] {
  const inner = stripText(text, undefined, true, true);
  if (inner === "") return [];
  const runs = [...inner.matchAll(whiteRuns)];
  const used =
    limit < 0 ? runs : fromEnd ? runs.slice(Math.max(0, runs.length - limit)) : runs.slice(0, limit);
  const parts: string[] = [];
  let from = 0;
  for (const run of used) {
    parts.push(inner.slice(from, run.index));
    from = run.index + run[0].length;
  }
  parts.push(inner.slice(from));
  if (used.length !== limit) return parts;
  return keepOuterWhite(text, parts, fromEnd);
}

/** What a limit leaves unsplit keeps the white space at its far edge. */
function keepOuterWhite(text: string, parts: string[], fromEnd: boolean): string[] {
  if (fromEnd) return [leading(text) + parts[0]!, ...parts.slice(1)];
  return [...parts.slice(0, -1), parts.at(-1)! + trailing(text)];
}

function leading(text: string): string {
  return text.slice(0, text.length - stripText(text, undefined, true, false).length);
}

function trailing(text: string): string {
  return text.slice(stripText(text, undefined, false, true).length);
}

/** At each separator, at most `limit` times. */
export function splitText(text: string, separator: string, limit: number, fromEnd: boolean): string[] {
  if (separator === "") throw new TemplateError("empty separator");
  const parts = fromEnd ? splitFromEnd(text, separator) : text.split(separator);
  const surplus = limit < 0 ? 0 : Math.max(0, parts.length - 1 - limit);
  if (surplus === 0) return parts;
  if (fromEnd) return [parts.slice(0, surplus + 1).join(separator), ...parts.slice(surplus + 1)];
  return [...parts.slice(0, limit), parts.slice(limit).join(separator)];
}

/** Where a separator overlaps itself, it matters from which end one looks. */
function splitFromEnd(text: string, separator: string): string[] {
  const parts: string[] = [];
  let end = text.length;
  for (;;) {
    const at = end < separator.length ? -1 : text.lastIndexOf(separator, end - separator.length);
    if (at < 0) break;
    parts.unshift(text.slice(at + separator.length, end));
    end = at;
  }
  return [text.slice(0, end), ...parts];
}

const lineEnds = "\\n\\v\\f\\r\\x1c-\\x1e\\x85\\u2028\\u2029";
const linePattern = new RegExp(`[^${lineEnds}]*(?:\\r\\n|[${lineEnds}]|$)`, "g");
const lineEnd = new RegExp(`(?:\\r\\n|[${lineEnds}])$`);

export function splitLines(text: string, keepEnds: boolean): string[] {
  const lines = text.match(linePattern) ?? [];
  if (lines.at(-1) === "") lines.pop();
  return keepEnds ? lines : lines.map((line) => line.replace(lineEnd, ""));
}

export function capitalize(text: string): string {
  const first = text === "" ? "" : String.fromCodePoint(text.codePointAt(0)!);
  return toTitle(first) + text.slice(first.length).toLowerCase();
}

/** Every run of letters with a capital; `it's` becomes `It'S`. */
export function titleCase(text: string): string {
  return text.replace(/\p{Cased}+/gu, (word) => capitalize(word));
}

/** A character as a word begins with it: `ǆ` as `ǅ`, `ß` as `Ss`, `ŉ` as `ʼN`. */
function toTitle(character: string): string {
  const upper = character.toUpperCase();
  const titled = titleDigraphs[upper];
  if (titled || upper.length === 1) return titled ?? upper;
  return upper.replace(/(?<=\p{Cased}).+/u, (rest) => rest.toLowerCase());
}

const titleDigraphs: Readonly<Record<string, string>> = { Ǆ: "ǅ", Ǉ: "ǈ", Ǌ: "ǋ", Ǳ: "ǲ" };

export function swapCase(text: string): string {
  return text.replace(/\p{Cased}/gu, (character) =>
    character === character.toLowerCase() ? character.toUpperCase() : character.toLowerCase(),
  );
}

/** Whether all letters that have a case have this one, and there is one. */
export function isCased(text: string, wanted: "lower" | "upper"): boolean {
  const cased = text.match(/\p{Cased}/gu) ?? [];
  const pattern = wanted === "lower" ? /\p{Lowercase}/u : /\p{Uppercase}/u;
  return cased.length > 0 && cased.every((character) => pattern.test(character));
}
