/** Every component of a tokenizer.json against what the Rust library makes of it, written down by oracle.py. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { tokenizerFromJson } from "../../src/tokenizer/index.js";
import { buildNormalizer } from "../../src/tokenizer/words/normalizers.js";
import { buildPreTokenizer } from "../../src/tokenizer/words/pre-tokenizers.js";

interface Given {
  readonly texts: readonly string[];
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly string[];
  readonly preTokenizers: Readonly<Record<string, unknown>>;
  readonly normalizers: Readonly<Record<string, unknown>>;
  readonly tokenizers: Readonly<Record<string, { model?: object; added?: readonly object[] }>>;
}

type Expected = Readonly<
  Record<"preTokenizers" | "normalizers" | "tokenizers", Readonly<Record<string, (string | null)[]>>>
>;

const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const given = read<Given>("components.json");
const expected = read<Expected>("expected.json");
const separator = "\u241f";

/** Each text with what came of it, so that a difference shows both. */
const beside = <T>(results: readonly T[]) => results.map((result, i) => [given.texts[i], result]);

test.each(Object.entries(given.preTokenizers))("pre-tokenizer: %s", (name, record) => {
  const cut = buildPreTokenizer(record)!;
  const words = given.texts.map((text) => (text === "" ? [] : [...cut(text, true)]).join(separator));
  expect(beside(words)).toEqual(beside(expected.preTokenizers[name]!));
});

test.each(Object.entries(given.normalizers))("normalizer: %s", (name, record) => {
  const normalize = buildNormalizer(record)!;
  expect(beside(given.texts.map(normalize))).toEqual(beside(expected.normalizers[name]!));
});

describe("from text to ids and back", () => {
  test.each(Object.entries(given.tokenizers))("%s", (name, { model, added = [], ...parts }) => {
    const tokenizer = tokenizerFromJson({
      tokenizer: JSON.stringify({
        ...parts,
        added_tokens: added.map((token) => ({ normalized: false, ...token })),
        model: { type: "BPE", vocab: given.vocab, merges: given.merges, ...model },
      }),
    });
    const results = given.texts.map((text) => {
      try {
        const ids = tokenizer.encode(text, { parseSpecial: true });
        return [...ids, tokenizer.decode(ids)].join(separator);
      } catch (error) {
        expect(error).toMatchObject({ code: "bad-tokenizer" });
        return null;
      }
    });
    expect(beside(results)).toEqual(beside(expected.tokenizers[name]!));
  });
});
