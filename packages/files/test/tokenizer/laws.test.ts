import { tinySentencePieceMetadata, tinyTokenizerJson } from "@amulet-ts/testing/files/tiny-tokenizer";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Tokenizer, tokenizerFromGguf, tokenizerFromJson } from "../../src/tokenizer/index.js";

const raw = tinyTokenizerJson();
const byteLevel = tokenizerFromJson({ tokenizer: JSON.stringify(raw) });
const sentencePiece = tokenizerFromGguf(tinySentencePieceMetadata());
const library = new LibraryTokenizer(raw, {});
const kinds: [string, Tokenizer][] = [
  ["byte-level", byteLevel],
  ["SentencePiece", sentencePiece],
];

const text = fc.string({ unit: "binary", maxLength: 40 });
/** Text of the kind people write: emoji families, Chinese, accents, spaces, a byte-order mark. */
const prose = fc
  .array(
    fc.constantFrom(
      "the ",
      "👩‍👩‍👧",
      "é",
      "e\u0301",
      "日本語",
      " ",
      "\n",
      "\ufeff",
      "is",
      "’s",
      "\u0085",
      "½",
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(""));
const anyText = fc.oneof(text, prose);
const idsOf = (tokenizer: Tokenizer) => fc.array(fc.nat(tokenizer.vocabularySize - 1), { maxLength: 30 });

function stream(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const decoder = tokenizer.streamDecoder();
  return [...ids.map((id) => decoder.push(id)), decoder.flush()];
}

describe.each(kinds)("%s tokenizer", (_, tokenizer) => {
  it("streams, for any tokens, exactly what decoding all of them gives", () => {
    fc.assert(
      fc.property(idsOf(tokenizer), (ids) => {
        expect(stream(tokenizer, ids).join("")).toBe(tokenizer.decode(ids));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("tells each token's bytes, which together are the text; SentencePiece takes a space from its beginning", () => {
    fc.assert(
      fc.property(anyText, (written) => {
        const ids = tokenizer.encode(written);
        const text = Buffer.concat(ids.map((id) => tokenizer.bytes(id))).toString();
        const decoded = tokenizer.decode(ids);
        expect(tokenizer === byteLevel ? [decoded] : [decoded, ` ${decoded}`]).toContain(text);
      }),
      { seed: 3, numRuns: 500 },
    );
    expect(tokenizer.bytes(1_000_000)).toHaveLength(0);
  });

  it("never shows half a character of a text while it streams", () => {
    fc.assert(
      fc.property(anyText, (written) => {
        const shown = stream(tokenizer, tokenizer.encode(written));
        fc.pre(!written.includes("\ufffd"));
        for (const part of shown) expect(part).not.toMatch(/\ufffd|\p{Surrogate}/u);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it("never gives a control token for text that was not to be parsed", () => {
    const words = [...tokenizer.controlPieces, "<|", "|>", "<", "s>", "im_end", " "];
    const spelled = fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(spelled, (written) => {
        const ids = tokenizer.encode(written);
        for (const piece of tokenizer.controlPieces) {
          if (piece !== "<unk>") expect(ids).not.toContain(tokenizer.tokenToId(piece));
        }
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it("has no text for an id without a token, wherever it stands in an answer", () => {
    const beyond = [tokenizer.vocabularySize, tokenizer.vocabularySize + 270, 2 ** 31];
    fc.assert(
      fc.property(idsOf(tokenizer), fc.nat(30), fc.constantFrom(...beyond), (ids, at, id) => {
        expect(tokenizer.decode(ids.toSpliced(at, 0, id))).toBe(tokenizer.decode(ids));
      }),
      { seed: 10, numRuns: 200 },
    );
    expect(tokenizer.piece(tokenizer.vocabularySize)).toBe("");
  });

  it("refuses what is no id", () => {
    for (const id of [-1, 0.5, Number.NaN])
      expect(() => tokenizer.decode([id])).toThrow(/whole numbers from 0; got/);
  });
});

describe("byte-level tokenizer", () => {
  it("gives any Unicode text back", () => {
    fc.assert(
      fc.property(anyText, (written) => {
        const ids = byteLevel.encode(written);
        expect(byteLevel.decode(ids)).toBe(written.replace(/\p{Surrogate}/gu, "\ufffd"));
      }),
      { seed: 4, numRuns: 1000 },
    );
  });

  it("gives text with control tokens back, parsed or not", () => {
    const words = fc.array(fc.constantFrom("<|im_end|>", "<|im_start|>", "<pad>", "the", " ", "<|", "日"), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(words, fc.boolean(), (parts, parseSpecial) => {
        const written = parts.join("");
        expect(byteLevel.decode(byteLevel.encode(written, { parseSpecial }))).toBe(written);
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it("decodes any tokens as the library does", () => {
    fc.assert(
      fc.property(idsOf(byteLevel), (ids) => {
        fc.pre(ids.length > 0);
        expect(byteLevel.decode(ids)).toBe(library.decode(ids, { clean_up_tokenization_spaces: false }));
      }),
      { seed: 6, numRuns: 500 },
    );
  });

  it("reads control tokens where they are to be parsed as the library does", () => {
    const words = fc.array(
      fc.constantFrom("<|im_end|>", "<|im_start|>", "<pad>", "the", " the", "<|", "日", "\n\n "),
      {
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(words, (parts) => {
        const written = parts.join("");
        expect(byteLevel.encode(written, { parseSpecial: true })).toEqual(library.encode(written).ids);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it("splits at Unicode's white space, as the Rust library, not at JavaScript's", () => {
    // U+FEFF is no white space and U+0085 is: JavaScript's \s has it the other way round.
    const kept = byteLevel.encode("\ufeff!");
    expect(kept.map((id) => byteLevel.piece(id))).toEqual(["ï", "»", "¿", "!"]);
    expect(byteLevel.decode(byteLevel.encode("a\u0085b"))).toBe("a\u0085b");
  });
});

/** SentencePiece's own rule, written apart: while two neighbours join to a piece, join the best pair, leftmost first. */
function mergeByScore(written: string, metadata: Map<string, unknown>): string[] {
  const tokens = metadata.get("tokenizer.ggml.tokens") as string[];
  const scores = metadata.get("tokenizer.ggml.scores") as Float32Array;
  const score = new Map(tokens.map((token, id) => [token, scores[id]!]));
  const parts = Array.from(`▁${written.replaceAll(" ", "▁")}`);
  for (;;) {
    const joins = parts.slice(1).map((right, i) => score.get(parts[i]! + right) ?? -Infinity);
    const best = Math.max(-Infinity, ...joins);
    if (best === -Infinity) return parts;
    const at = joins.indexOf(best);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
}

describe("SentencePiece tokenizer", () => {
  const metadata = tinySentencePieceMetadata();
  const words = fc.array(fc.constantFrom("the", " ", "in", "t", "h", "e", "é", "an", "  "), {
    minLength: 1,
    maxLength: 14,
  });

  it("merges as the scores say", () => {
    fc.assert(
      fc.property(words, (parts) => {
        const written = parts.join("");
        const pieces = sentencePiece.encode(written).map((id) => sentencePiece.piece(id));
        expect(pieces).toEqual(mergeByScore(written, metadata));
      }),
      { seed: 8, numRuns: 500 },
    );
  });

  it("gives any Unicode text back, through bytes where no piece fits", () => {
    const withoutMark = anyText.map((written) => written.replace(/\p{Surrogate}|▁/gu, ""));
    fc.assert(
      fc.property(withoutMark, (written) => {
        expect(sentencePiece.decode(sentencePiece.encode(written))).toBe(written);
      }),
      { seed: 9, numRuns: 500 },
    );
  });

  it("begins a prompt with its begin token unless the file says no", () => {
    expect(sentencePiece.addsBeginToken).toBe(true);
    const without = tinySentencePieceMetadata().set("tokenizer.ggml.add_bos_token", false);
    expect(tokenizerFromGguf(without).addsBeginToken).toBe(false);
  });

  it("puts no space before the text where the file says so", () => {
    const bare = tokenizerFromGguf(tinySentencePieceMetadata().set("tokenizer.ggml.add_space_prefix", false));
    expect(bare.encode("the").map((id) => bare.piece(id))).toEqual(["t", "he"]);
    expect(bare.decode(bare.encode(" the"))).toBe(" the");
  });
});
