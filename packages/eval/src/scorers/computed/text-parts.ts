/** A text in parts that scores count: words, sentences, lines, syllables. */

const wordPattern = /[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu;

/** Runs of letters and digits; an apostrophe or hyphen between two of them belongs to the word. */
export function wordsOf(text: string): string[] {
  return text.match(wordPattern) ?? [];
}

/**
 * Ends with `.`, `!`, `?` or `…`, closing quotes included, before white space or the end; a line break ends one as
 * well. Parts without a word are none.
 */
export function sentencesOf(text: string): string[] {
  return text
    .split(/(?<=[.!?…]["'”’)\]]*)\s+|\n+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => wordsOf(sentence).length > 0);
}

/** Lines that are not empty, without white space at their ends. */
export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/**
 * Syllables of an English word, by its groups of vowels: a final silent e does not count, a final -le after a
 * consonant does, and every word has one. Wrong for one word in ten or so; grades are means over many.
 */
export function syllablesOf(word: string): number {
  const letters = word.toLowerCase().replace(/[^a-z]/g, "");
  if (letters.length <= 3) return 1;
  const spoken = letters.replace(/(?:[^aeiouyl]|[aeiouy]l)(es|ed|e)$/, (ending, suffix: string) =>
    /[td]ed$|[sxz]es$|[cs]hes$|[cg]es$/.test(letters) ? ending : ending.slice(0, -suffix.length),
  );
  return Math.max(1, (spoken.match(/[aeiouy]+/g) ?? []).length);
}

/** Flesch–Kincaid grade level (Kincaid et al. 1975): 0.39 words a sentence + 11.8 syllables a word − 15.59. */
export function readingGrade(text: string): number {
  const words = wordsOf(text);
  if (words.length === 0) return 0;
  const syllables = words.reduce((sum, word) => sum + syllablesOf(word), 0);
  return 0.39 * (words.length / sentencesOf(text).length) + 11.8 * (syllables / words.length) - 15.59;
}

/** Share of the parts for which something holds; 0 of no parts. */
export function shareOf<T>(parts: readonly T[], holds: (part: T) => boolean): number {
  return parts.length === 0 ? 0 : parts.filter(holds).length / parts.length;
}

/** Between 0 at `none` and 1 at `all`, straight, whichever of the two is larger. */
export function scale(value: number, none: number, all: number): number {
  return Math.min(1, Math.max(0, (value - none) / (all - none)));
}
