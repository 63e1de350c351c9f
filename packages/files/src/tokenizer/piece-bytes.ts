import { badTokenizer, expectArray, expectRecord, isRecord, type JsonRecord } from "./expect-json.js";

/** How pieces spell text. Decoding is the bytes of all pieces, one after the other, read as UTF-8. */
export interface Spelling {
  bytesOf(piece: string, isAdded: boolean): Uint8Array;
  /** SentencePiece puts a space before the text; decoding takes it away again. */
  readonly dropsFirstSpace: boolean;
}

const utf8 = new TextEncoder();

/** Reads the spelling from the `decoder` of a tokenizer.json. Throws `bad-tokenizer` for one not known here. */
export function readSpelling(decoder: unknown): Spelling {
  const steps = flattenSteps(decoder);
  const types = steps.map((step) => step.type);
  if (types.length === 1 && types[0] === "ByteLevel") return BYTE_LEVEL;
  if (types.length === 1 && types[0] === "Metaspace") return readMetaspace(steps[0]!);
  const [replace, ...rest] = steps;
  if (replace?.type === "Replace" && rest.every(isSentencePieceStep)) return readSentencePiece(replace, rest);
  const known = "ByteLevel, Metaspace, or Replace, ByteFallback, Fuse, Strip";
  throw badTokenizer("decoder", known, types.length > 0 ? types : decoder);
}

function flattenSteps(decoder: unknown): readonly JsonRecord[] {
  const record = expectRecord(decoder, "decoder");
  if (record.type !== "Sequence") return [record];
  const parts = expectArray(record.decoders, "decoder.decoders");
  return parts.map((part, i) => expectRecord(part, `decoder.decoders[${i}]`));
}

/** Pieces write each byte as one printable character (GPT-2); an added token stands for itself. */
const BYTE_LEVEL: Spelling = {
  dropsFirstSpace: false,
  bytesOf: (piece, isAdded) => (isAdded ? undefined : byteLevelBytes(piece)) ?? utf8.encode(piece),
};

function byteLevelBytes(piece: string): Uint8Array | undefined {
  const bytes = Array.from(piece, (character) => BYTE_OF_CHARACTER.get(character));
  return bytes.includes(undefined) ? undefined : Uint8Array.from(bytes as number[]);
}

/**
 * GPT-2's alphabet: a byte that is a visible Latin-1 character is written as that character; the other 68, in
 * order, as U+0100, U+0101, …
 */
export const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(byteAlphabet());

function byteAlphabet(): [string, number][] {
  const isVisible = (b: number) => (b > 0x20 && b < 0x7f) || (b > 0xa0 && b !== 0xad);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, b) => [String.fromCharCode(isVisible(b) ? b : next++), b]);
}

function isSentencePieceStep(step: JsonRecord): boolean {
  if (step.type === "Strip")
    return step.content === " " && (step.start === 0 || step.start === 1) && !step.stop;
  return step.type === "ByteFallback" || step.type === "Fuse";
}

function readSentencePiece(replace: JsonRecord, rest: readonly JsonRecord[]): Spelling {
  const pattern = isRecord(replace.pattern) ? replace.pattern.String : undefined;
  if (pattern !== "▁" || replace.content !== " ")
    throw badTokenizer("decoder", "▁ replaced by a space", replace);
  const hasByteFallback = rest.some((step) => step.type === "ByteFallback");
  return {
    dropsFirstSpace: rest.some((step) => step.type === "Strip" && step.start === 1),
    bytesOf: (piece, isAdded) =>
      (hasByteFallback && !isAdded ? fallbackByte(piece) : undefined) ?? spaced(piece),
  };
}

function readMetaspace(step: JsonRecord): Spelling {
  const mark = step.replacement ?? "▁";
  if (mark !== "▁") throw badTokenizer("decoder.replacement", "▁", mark);
  const prepends = step.prepend_scheme !== "never" && step.add_prefix_space !== false;
  return { dropsFirstSpace: prepends, bytesOf: spaced };
}

/** The byte that a piece such as `<0xE2>` stands for. */
function fallbackByte(piece: string): Uint8Array | undefined {
  const hex = /^<0x([0-9A-F]{2})>$/i.exec(piece)?.[1];
  return hex === undefined ? undefined : Uint8Array.of(Number.parseInt(hex, 16));
}

function spaced(piece: string): Uint8Array {
  return utf8.encode(piece.replaceAll("▁", " "));
}
