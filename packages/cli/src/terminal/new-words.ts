/** Which words one text has and another has not. */

const word = /[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu;

/** Marks every word of the text that `known` has nowhere, whatever its case. */
export function markNewWords(text: string, known: string, mark: (word: string) => string): string {
  const vocabulary = new Set(Array.from(known.matchAll(word), ([found]) => found.toLowerCase()));
  return text.replace(word, (found) => (vocabulary.has(found.toLowerCase()) ? found : mark(found)));
}
