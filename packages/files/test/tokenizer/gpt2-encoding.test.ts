/** GPT-2's vocabulary encodes through gpt-tokenizer: the ids stay those of the general library. */

import { byteAlphabet } from "@amulet-ts/testing/files/tiny-tokenizer";
import { fc, test } from "@fast-check/vitest";
import ranks from "gpt-tokenizer/bpeRanks/r50k_base";
import { beforeAll, describe, expect, vi } from "vitest";
import { hastenGpt2, type Tokenizer, tokenizerFromJson } from "../../src/tokenizer/index.js";

const encoded = vi.hoisted(() => vi.fn());
vi.mock("../../src/tokenizer/gpt2-encoding.js", async (original) => {
  const real = await original<typeof import("../../src/tokenizer/gpt2-encoding.js")>();
  encoded.mockImplementation(real.encodeAsGpt2);
  return { ...real, encodeAsGpt2: encoded };
});

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
  let fast: Tokenizer;
  let general: Tokenizer;
  beforeAll(async () => {
    const tokenizer = JSON.stringify(gpt2Json());
    fast = tokenizerFromJson({ tokenizer });
    general = tokenizerFromJson({ tokenizer });
    await hastenGpt2(fast);
  });

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

  test.prop([text, fc.boolean()], { numRuns: 2000 })(
    "gpt-tokenizer gives the ids of the general library, for any text",
    (written, parseSpecial) => {
      expect(fast.encode(written, { parseSpecial })).toEqual(general.encode(written, { parseSpecial }));
    },
  );

  test("also for each of its 50,257 tokens alone", () => {
    const different = Array.from({ length: 50_257 }, (_, id) => general.decode([id])).filter(
      (token) => fast.encode(token).join() !== general.encode(token).join(),
    );
    expect(different).toEqual([]);
  });

  test("is what encodes plain text", () => {
    encoded.mockClear();
    fast.encode("Hello, world");
    expect(encoded).toHaveBeenCalledOnce();
    general.encode("Hello, world");
    expect(encoded).toHaveBeenCalledOnce();
  });

  test.each([
    [
      "two tokens exchanged",
      (json: WrittenTokenizer) => {
        const { vocab } = json.model;
        [vocab.A, vocab.B] = [vocab.B!, vocab.A!];
      },
    ],
    [
      "a normalizer",
      (json) => {
        json.normalizer = { type: "NFC" };
      },
    ],
    [
      "one token more",
      (json) => {
        json.added_tokens = [{ id: 50_257, content: "<hello>", special: false }];
      },
    ],
    [
      "spaces put before",
      (json) => {
        json.pre_tokenizer = { type: "ByteLevel", add_prefix_space: true };
      },
    ],
  ] as const satisfies readonly (readonly [string, (json: WrittenTokenizer) => void])[])(
    "with %s is another one",
    async (_, change) => {
      const json = gpt2Json();
      change(json);
      const other = tokenizerFromJson({ tokenizer: JSON.stringify(json) });
      await hastenGpt2(other);
      encoded.mockClear();
      other.encode("Hello, world");
      expect(encoded).not.toHaveBeenCalled();
    },
  );
});
