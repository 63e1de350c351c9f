import {
  badTokenizer,
  expectArray,
  expectRecord,
  expectString,
  isRecord,
  type JsonRecord,
} from "./expect-json.js";

/**
 * GPT-2's splitting into words, as the byte-level pre-tokenizer applies it: contractions, runs of letters,
 * of digits, of anything else, each with at most one space before it; then the remaining white space.
 */
export const GPT2_WORDS =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const NORMALIZERS = [
  "Replace",
  "NFC",
  "NFD",
  "NFKC",
  "NFKD",
  "Strip",
  "StripAccents",
  "Lowercase",
  "Prepend",
];
const DEEPEST = 16;

/** A pre-tokenizer that makes every match of `regex`, and every stretch between matches, a word of its own. */
export function splitOn(regex: string): JsonRecord {
  return { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false };
}

/** The last step of byte-level BPE: bytes written as printable characters, no splitting. */
export const BYTES_ONLY: JsonRecord = { type: "ByteLevel", add_prefix_space: false, use_regex: false };

/** Checks a normalizer of tokenizer.json; returns it as it stands, null for none. Throws `bad-tokenizer`. */
export function readNormalizer(value: unknown, where = "normalizer", depth = 0): JsonRecord | null {
  if (value === null || value === undefined) return null;
  const { record, type } = readComponent(value, where, depth);
  if (type === "Sequence") {
    const parts = expectArray(record.normalizers, `${where}.normalizers`);
    return { type, normalizers: parts.map((part, i) => readNormalizer(part, `${where}[${i}]`, depth + 1)) };
  }
  if (!NORMALIZERS.includes(type)) throw unknownType(where, type, NORMALIZERS);
  if (type === "Prepend") expectString(record.prepend, `${where}.prepend`);
  if (type === "Replace") {
    expectString(record.content, `${where}.content`);
    patternSource(record.pattern, `${where}.pattern`);
  }
  return record;
}

type PreTokenizerReader = (record: JsonRecord, where: string) => JsonRecord;

/** The pre-tokenizers of tokenizer.json, each in the words of the library's that does the same. */
const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizerReader>> = {
  ByteLevel: rewriteByteLevel,
  Digits: (record) => splitOn(record.individual_digits === true ? "\\p{N}" : "\\p{N}+"),
  Metaspace: rewriteMetaspace,
  Split: rewriteSplit,
  Punctuation: (record) => record,
  Whitespace: (record) => record,
  WhitespaceSplit: (record) => record,
};

/**
 * Checks a pre-tokenizer of tokenizer.json and puts it into a form where the JavaScript library and the Rust
 * one agree: digits and GPT-2's words as Unicode-aware splits, every merging behaviour as a pattern.
 * Throws `bad-tokenizer`.
 */
export function readPreTokenizer(value: unknown, where = "pre_tokenizer", depth = 0): JsonRecord | null {
  if (value === null || value === undefined) return null;
  const { record, type } = readComponent(value, where, depth);
  if (type === "Sequence") {
    const parts = expectArray(record.pretokenizers, `${where}.pretokenizers`);
    return {
      type,
      pretokenizers: parts.map((part, i) => readPreTokenizer(part, `${where}[${i}]`, depth + 1)),
    };
  }
  const read = Object.hasOwn(PRE_TOKENIZERS, type) ? PRE_TOKENIZERS[type] : undefined;
  if (!read) throw unknownType(where, type, Object.keys(PRE_TOKENIZERS));
  return read(record, where);
}

/** The library's own pattern has JavaScript's `\s`; a Split has Unicode's, as the Rust library. */
function rewriteByteLevel(record: JsonRecord): JsonRecord {
  if (record.add_prefix_space === true || record.use_regex === false) return record;
  return { type: "Sequence", pretokenizers: [splitOn(GPT2_WORDS), BYTES_ONLY] };
}

function rewriteMetaspace(record: JsonRecord, where: string): JsonRecord {
  const mark = expectString(record.replacement ?? "▁", `${where}.replacement`);
  if (record.split !== true) return record;
  const wordsFromMark = splitOn(mergedWithNext(escapePattern(mark)));
  return { type: "Sequence", pretokenizers: [record, wordsFromMark] };
}

function rewriteSplit(record: JsonRecord, where: string): JsonRecord {
  const source = patternSource(record.pattern, `${where}.pattern`);
  const behavior = expectString(record.behavior, `${where}.behavior`);
  if (behavior === "Isolated") return splitOn(source);
  if (behavior === "Removed")
    return { ...record, pattern: { Regex: source }, invert: record.invert === true };
  if (record.invert === true) throw badTokenizer(where, "no inverted split with merging", record);
  if (behavior === "Contiguous") return splitOn(`(?:${source})+`);
  if (behavior === "MergedWithPrevious") return splitOn(`[\\s\\S]*?(?:${source})`);
  if (behavior === "MergedWithNext") return splitOn(mergedWithNext(source));
  throw badTokenizer(`${where}.behavior`, "Isolated, Removed, Contiguous or MergedWith…", behavior);
}

function mergedWithNext(source: string): string {
  return `(?:${source})(?:(?!${source})[\\s\\S])*`;
}

function patternSource(value: unknown, where: string): string {
  if (isRecord(value)) {
    if (typeof value.Regex === "string" && value.Regex !== "") return value.Regex;
    if (typeof value.String === "string" && value.String !== "") return escapePattern(value.String);
  }
  throw badTokenizer(where, '{"Regex": …} or {"String": …}, not empty', value);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function readComponent(value: unknown, where: string, depth: number): { record: JsonRecord; type: string } {
  if (depth > DEEPEST) throw badTokenizer(where, `at most ${DEEPEST} nested sequences`, "more");
  const record = expectRecord(value, where);
  return { record, type: expectString(record.type, `${where}.type`) };
}

function unknownType(where: string, type: string, known: readonly string[]) {
  return badTokenizer(`${where}.type`, `one of Sequence, ${known.join(", ")}`, type);
}
