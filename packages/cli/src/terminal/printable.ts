/**
 * The one way of text from elsewhere (a model, a file, a hub, a driver, an error) to a terminal: what would move the
 * cursor, change the title, reach the clipboard or turn the direction of writing is spelled out and does nothing.
 */

/** Control characters but line breaks and tabs, and the marks that override the direction of writing. */
const controls = /(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** The text with control characters spelled out: `\x1b`. Line breaks, of any kind, stay. */
export function printable(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(controls, spell);
}

/** The same in one line. */
export function printableLine(text: string): string {
  return printable(text.replace(/\s*[\r\n]\s*/g, " "));
}

/** The text in quotes, as JSON writes it, so that line breaks show too. */
export function quoted(text: string): string {
  return printable(JSON.stringify(text));
}

// Those of picocolors that this package uses; none hides text.
const ownColors = new RegExp(`(${"\x1b"}\\[(?:0|1|2|22|3[1-6]|39|41|44|49)m)`);

/** A text that holds colours of ours: they stay, all else is spelled out. */
export function printableInColor(text: string): string {
  const parts = text.split(ownColors);
  return parts.map((part, i) => (i % 2 === 1 ? part : printable(part))).join("");
}

/** JSON with no character in it that a terminal acts on; the same value. */
export function printableJson(json: string): string {
  return json.replace(controls, (character) => `\\u${hexOf(character, 4)}`);
}

function spell(character: string): string {
  return character < "\u0100" ? `\\x${hexOf(character, 2)}` : `\\u${hexOf(character, 4)}`;
}

function hexOf(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}

/** What somebody else's code says, in one line of at most so many characters. */
export function foreignText(text: string, longest: number): string {
  const characters = [...printableLine(text).trim()];
  return characters.length > longest ? `${characters.slice(0, longest).join("")} …` : characters.join("");
}
