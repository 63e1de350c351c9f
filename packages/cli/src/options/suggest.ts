import { closest, distance } from "fastest-levenshtein";

/** The name that was probably meant, if any is near: at most one letter in three is off. */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const nearest = closest(word.toLowerCase(), names);
  return distance(word.toLowerCase(), nearest) <= Math.max(1, Math.ceil(word.length / 3))
    ? nearest
    : undefined;
}

/** ` Did you mean X?`, or nothing. */
export function didYouMean(word: string, names: readonly string[], prefix = ""): string {
  const nearest = nearestName(word, names);
  return nearest === undefined ? "" : ` Did you mean ${prefix}${nearest}?`;
}
