import type { JsonRecord } from "../expect-json.js";

/**
 * GPT-2's splitting into words, as the byte-level pre-tokenizer applies it: contractions, runs of letters,
 * of digits, of anything else, each with at most one space before it; then the remaining white space.
 */
export const gpt2Words = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** A pre-tokenizer that makes every match of `regex`, and every stretch between matches, a word of its own. */
export function splitOn(regex: string): JsonRecord {
  return { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false };
}

/** The last step of byte-level BPE: bytes written as printable characters, no splitting. */
export const bytesOnly: JsonRecord = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
