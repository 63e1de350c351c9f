import { isJsonObject } from "../../places/read-json.js";
import {
  badTokenizer,
  expectArray,
  expectCharacter,
  expectRecord,
  expectString,
  type JsonRecord,
} from "../expect-json.js";

/** How pieces spell text. Decoding is the bytes of all pieces, one after the other, read as UTF-8. */
export interface Spelling {
  bytesOf(piece: string, isAdded: boolean): Uint8Array;
  /** The same where it is the first of a text and that makes a difference. */
  firstBytesOf?(piece: string): Uint8Array;
  /** What decoding takes away at the beginning: SentencePiece puts a space before a text. */
  readonly dropped: { readonly character: string; readonly most: number };
  /** What stands between two pieces. */
  readonly separator: string;
}

const utf8 = new TextEncoder();
const whole = { dropped: { character: " ", most: 0 }, separator: "" };

/** Reads the spelling from the `decoder` of a tokenizer.json. Throws `bad-tokenizer` for one not known here. */
export function readSpelling(decoder: unknown): Spelling {
  if (decoder === null || decoder === undefined) return unspelled;
  const steps = flattenSteps(decoder);
  const [first] = steps;
  if (steps.length === 1 && first?.type === "ByteLevel") return byteLevel;
  if (steps.length === 1 && first?.type === "Metaspace") return readMetaspace(first);
  return readSteps(steps);
}

/** Without a decoder the Rust library puts spaces between the pieces. */
const unspelled: Spelling = { ...whole, separator: " ", bytesOf: (piece) => utf8.encode(piece) };

function flattenSteps(decoder: unknown): readonly JsonRecord[] {
  const record = expectRecord(decoder, "decoder");
  if (record.type !== "Sequence") return [record];
  const parts = expectArray(record.decoders, "decoder.decoders");
  return parts.map((part, i) => expectRecord(part, `decoder.decoders[${i}]`));
}

/** Pieces write each byte as one printable character (GPT-2); an added token stands for itself. */
const byteLevel: Spelling = {
  ...whole,
  bytesOf: (piece, isAdded) => (isAdded ? undefined : byteLevelBytes(piece)) ?? utf8.encode(piece),
};

function byteLevelBytes(piece: string): Uint8Array | undefined {
  const bytes = Array.from(piece, (character) => byteOfCharacter.get(character));
  return bytes.includes(undefined) ? undefined : Uint8Array.from(bytes as number[]);
}

/** The character of each byte. */
const byteCharacters: readonly string[] = byteAlphabet();

/**
 * GPT-2's alphabet: a byte that is a visible Latin-1 character is written as that character; the other 68, in
 * order, as U+0100, U+0101, …
 */
function byteAlphabet(): string[] {
  const isVisible = (b: number) => (b > 0x20 && b < 0x7f) || (b > 0xa0 && b !== 0xad);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(isVisible(b) ? b : next++));
}

/** A text with each of its bytes as a printable character. */
export function spellBytes(text: string): string {
  let spelled = "";
  for (const byte of utf8.encode(text)) spelled += byteCharacters[byte];
  return spelled;
}

const byteOfCharacter: ReadonlyMap<string, number> = new Map(
  byteCharacters.map((character, b) => [character, b]),
);

/** SentencePiece's steps, in its order: replacements, bytes, then what is taken from the whole text. */
const order = ["Replace", "ByteFallback", "Fuse", "Strip"];

function readSteps(steps: readonly JsonRecord[]): Spelling {
  const ranks = steps.map((step) => order.indexOf(String(step.type)));
  if (ranks.includes(-1) || ranks.some((rank, i) => rank < (ranks[i - 1] ?? 0)))
    throw badTokenizer(
      "decoder",
      `none, ByteLevel, Metaspace, or ${order.join(", ")} in this order`,
      steps.map(({ type }) => type),
    );
  const replacements = steps.filter(({ type }) => type === "Replace").map(readReplacement);
  const hasByteFallback = steps.some(({ type }) => type === "ByteFallback");
  const spell = (piece: string) =>
    replacements.reduce((text, replace) => inBounds(replace(text), piece), piece);
  return {
    ...whole,
    dropped: readStrip(steps),
    bytesOf: (piece, isAdded) =>
      (hasByteFallback && !isAdded ? fallbackByte(piece) : undefined) ?? utf8.encode(spell(piece)),
  };
}

function inBounds(text: string, piece: string): string {
  if (text.length <= 32 * piece.length + 1024) return text;
  throw badTokenizer("decoder", "a piece at most 32 times as long and 1024 characters", text.length);
}

function readReplacement(step: JsonRecord): (piece: string) => string {
  const pattern = isJsonObject(step.pattern) ? step.pattern.String : undefined;
  if (typeof pattern !== "string" || pattern === "")
    throw badTokenizer("decoder.pattern", '{"String": …}, not empty', step.pattern);
  const content = expectString(step.content, "decoder.content");
  if (content.length > 1024) throw badTokenizer("decoder.content", "at most 1024 characters", content.length);
  return (piece) => piece.replaceAll(pattern, () => content);
}

function readStrip(steps: readonly JsonRecord[]): Spelling["dropped"] {
  const [strip, ...more] = steps.filter(({ type }) => type === "Strip");
  if (!strip) return whole.dropped;
  const { content: character, start: most, stop } = strip;
  const isKnown = typeof character === "string" && [...character].length === 1 && typeof most === "number";
  if (isKnown && !stop && more.length === 0 && steps.some(({ type }) => type === "Fuse"))
    return { character, most };
  throw badTokenizer("decoder", "one Strip after Fuse, of one character at the start", strip);
}

function readMetaspace(step: JsonRecord): Spelling {
  const mark = expectCharacter(step.replacement ?? "▁", "decoder.replacement");
  const prepends = step.prepend_scheme !== "never" && step.add_prefix_space !== false;
  const spaced = (piece: string) => utf8.encode(piece.replaceAll(mark, () => " "));
  const unmarked = (piece: string) => utf8.encode(piece.replaceAll(mark, () => ""));
  return { ...whole, bytesOf: spaced, ...(prepends && { firstBytesOf: unmarked }) };
}

/** The byte that a piece such as `<0xE2>` stands for. */
function fallbackByte(piece: string): Uint8Array | undefined {
  const hex = /^<0x([0-9A-F]{2})>$/i.exec(piece)?.[1];
  return hex === undefined ? undefined : Uint8Array.of(Number.parseInt(hex, 16));
}
