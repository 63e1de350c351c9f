/**
 * The text without control characters but line breaks and tabs: what a model writes must not move the cursor
 * or change the terminal.
 */
export function printable(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/\p{Cc}/gu, (character) => (/[\n\t]/.test(character) ? character : ""));
}
