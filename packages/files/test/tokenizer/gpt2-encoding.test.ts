/** GPT-2's vocabulary: the ids of gpt-tokenizer, whose code is another's; its rank table is what the vocabulary is made of. */

import { byteAlphabet } from "@amulet-ts/testing/files/tiny-tokenizer";
import { fc, test } from "@fast-check/vitest";
import ranks from "gpt-tokenizer/bpeRanks/r50k_base";
import { encode } from "gpt-tokenizer/encoding/r50k_base";
import { describe, expect } from "vitest";
import { tokenizerFromJson } from "../../src/tokenizer/index.js";

interface WrittenTokenizer {
  readonly model: { readonly type: "BPE"; readonly vocab: Record<string, number>; readonly merges: string[] };
  [part: string]: unknown;
}

/** tokenizer.json of GPT-2, written anew from the ranks: each piece, and the pair that makes it. */
function gpt2Json(): WrittenTokenizer {
  const alphabet = byteAlphabet();
  const spell = (bytes: Uint8Array) => Array.from(bytes, (byte) => alphabet[byte]!).join("");
  const bytesOf = (token: string | number[]) =>
    typeof token === "string" ? new TextEncoder().encode(token) : Uint8Array.from(token);
  const pieces = ranks.map((token) => spell(bytesOf(token)));
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const merges = pieces.slice(256).map((piece, rank) => splitByEarlierMerges(piece, ids, 256 + rank));
  return {
    added_tokens: [{ id: 50_256, content: "<|endoftext|>", special: true, normalized: false }],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab: { ...Object.fromEntries(ids), "<|endoftext|>": 50_256 }, merges },
  };
}

/** Merging with the pieces older than `id` leaves the two that it is made of. */
function splitByEarlierMerges(piece: string, ids: ReadonlyMap<string, number>, id: number): string {
  const parts = [...piece];
  while (parts.length > 2) {
    const made = parts.slice(1).map((part, i) => ids.get(parts[i]! + part) ?? id);
    const first = made.indexOf(Math.min(...made));
    parts.splice(first, 2, parts[first]! + parts[first + 1]!);
  }
  return parts.join(" ");
}

describe("GPT-2's vocabulary", () => {
  const tokenizer = tokenizerFromJson({ tokenizer: JSON.stringify(gpt2Json()) });
  const expected = (text: string) => encode(text, { disallowedSpecial: new Set() });

  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.string({
      unit: fc.constantFrom(..." '\n\t\r.,!?09aAtTsSeEé漢字🙂\u00a0\u0085\ufeff\u200b\u3000ſ"),
      maxLength: 100,
    }),
    fc
      .array(
        fc.constantFrom(" the", "'ll", "'LL", "  ", "\n\n", "<|endoftext|>", "x²", "1,000", "🏳️‍🌈", "\ud800"),
        {
          maxLength: 30,
        },
      )
      .map((words) => words.join("")),
  );

  test.prop([text], { numRuns: 2000 })("any text has gpt-tokenizer's ids", (written) => {
    // Where JavaScript's white space, gpt-tokenizer's, and Unicode's, GPT-2's, differ.
    fc.pre(!/[\u0085\ufeff]/.test(written));
    expect(tokenizer.encode(written)).toEqual(expected(written.replace(/\p{Surrogate}/gu, "\ufffd")));
  });

  test("so has each of its 50,257 tokens alone", () => {
    const different = Array.from({ length: 50_257 }, (_, id) => tokenizer.decode([id])).filter(
      (token) => !token.includes("\ufffd") && tokenizer.encode(token).join() !== expected(token).join(),
    );
    expect(different).toEqual([]);
  });

  test("a word of any length is encoded, in time that hardly grows faster than it", () => {
    // gpt-tokenizer takes half a minute for the one and overflows the stack on the other.
    const letters = tokenizer.encode("a".repeat(160_000));
    expect(letters).toEqual(Array(letters.length).fill(letters[0]));
    expect(letters.length).toBe(160_000 / tokenizer.piece(letters[0]!).length);
    const characters = "漢字".repeat(34_000);
    expect(tokenizer.decode(tokenizer.encode(characters))).toBe(characters);
  });
});
