/** How IFEval's instructions count in a text. These are not the rules of the computed preferences: they follow IFEval's own. */

/** Runs of letters with their marks, digits and underscores: "it's" is two words. */
export function countWords(text: string): number {
  return (text.match(/[\p{L}\p{M}\p{N}_]+/gu) ?? []).length;
}

/** A word that a full stop follows without ending a sentence, in front of whatever comes. */
const title =
  /^["“'([]*(?:[A-Za-z]|mrs?|ms|drs?|profs?|st|jr|sr|gen|col|lt|capt|sgt|sen|rep|gov|hon|rev|messrs|inc|ltd|corp|co|bros|vs|e\.g|i\.e|cf|jan|feb|aug|sept?|oct|nov|dec)\.$/i;
/** Letters with full stops between them, such as p.m. and U.S.: the sentence ends where a capital follows p.m. */
const dotted = /^["“'([]*(?:\p{L}\.){2,}$/u;
const sentenceEnd = /[.!?]["”'’)\]*_]*$/;

/**
 * Sentences by their punctuation: a word that ends in `.`, `!` or `?` ends one, closing quotes and brackets included,
 * unless it is an abbreviation, or dots that a small letter follows. Line breaks end none, what stands after the last
 * end is one, and the number of a list item counts: so does Punkt (Kiss and Strunk 2006), by which the published
 * checker counts; its 157 English abbreviations and its model of sentence starters are a short list here.
 */
export function countSentences(text: string): number {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const ends = words.filter((word, i) => endsSentence(word, words[i + 1])).length;
  return words.length > 0 && !endsSentence(words.at(-1)!, undefined) ? ends + 1 : ends;
}

function endsSentence(word: string, next: string | undefined): boolean {
  if (!sentenceEnd.test(word)) return false;
  if (next === undefined) return true;
  if (title.test(word)) return false;
  if (/p\.s\.$/i.test(word)) return true;
  if (dotted.test(word)) return /^["“'([]*\p{Lu}/u.test(next) && !/\p{Lu}/u.test(word);
  return !(/\.{2,}["”'’)\]]*$/.test(word) && /^["“'([]*\p{Ll}/u.test(next));
}

/** Python's `str.isupper`: letters that have case are capitals, and there is one. */
export function isUpperCase(text: string): boolean {
  return /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
}

/** Python's `str.islower`. */
export function isLowerCase(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
}

/** Words all of whose letters that have case are capitals; "WELL-KNOWN", "U.S." and "A" are one each. */
export function countCapitalWords(text: string): number {
  return (text.match(/[\p{L}\p{N}]+(?:[.'’&-][\p{L}\p{N}]+)*/gu) ?? []).filter(isUpperCase).length;
}

/** How often a text comes up in another, whatever the case, overlaps not counted. */
export function countOccurrences(text: string, wanted: string): number {
  return (text.match(new RegExp(literal(wanted), "giu")) ?? []).length;
}

/** Whether it comes up as a word or several: neither side goes on with a letter, digit or underscore. */
export function hasWord(text: string, wanted: string): boolean {
  return new RegExp(`(?<![\\p{L}\\p{N}_])${literal(wanted)}(?![\\p{L}\\p{N}_])`, "iu").test(text);
}

/** A pattern that matches a text and nothing else. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (character) =>
    character === "-" ? "\\x2d" : `\\${character}`,
  );
}

/**
 * Parts between dividers, blank ones at both ends left out.
 *
 * @returns undefined where a part between two others is blank
 */
export function partsBetween(text: string, divider: RegExp | string): string[] | undefined {
  const parts = text.split(divider);
  const isBlank = (part: string) => part.trim() === "";
  if (parts.slice(1, -1).some(isBlank)) return undefined;
  return parts.filter((part) => !isBlank(part));
}
