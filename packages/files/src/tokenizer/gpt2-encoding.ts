/**
 * GPT-2's own encoding, by gpt-tokenizer's r50k_base: the same ids, several times faster than the library that can
 * do every vocabulary. Its tables are large: imported only when a vocabulary of that shape is there.
 */
import ranks from "gpt-tokenizer/bpeRanks/r50k_base";
import { encode } from "gpt-tokenizer/encoding/r50k_base";

const utf8 = new TextEncoder();
const noSpecialTokens = { disallowedSpecial: new Set<string>() };

/** Whether each of these tokens has the bytes that r50k_base gives its id. */
export function hasGpt2Tokens(bytesOf: (id: number) => Uint8Array): boolean {
  return ranks.every((token, id) => {
    const expected = typeof token === "string" ? utf8.encode(token) : Uint8Array.from(token);
    const bytes = bytesOf(id);
    return bytes.length === expected.length && bytes.every((byte, i) => byte === expected[i]);
  });
}

/** Ids of a well-formed text, control tokens in it read as text. */
export function encodeAsGpt2(text: string): number[] {
  return encode(text, noSpecialTokens);
}
