/**
 * Cuts a text into its sentences. One ends with `.`, `!` or `?` where a space or nothing follows; the space between
 * two belongs to neither. What stands behind the last end is an unfinished sentence and comes out as one. Nothing is
 * lost: joined with spaces, the sentences are the text, but for space at both ends of it.
 */
export function splitSentences(text: string): string[] {
  const trimmed = text.trim();
  return trimmed === "" ? [] : trimmed.split(/(?<=[.!?]) /);
}
