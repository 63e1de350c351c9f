/** Tokenizers that were made to do harm, or are larger than any: each ends with a sentence, in bounds of time and size. */
import { dirname } from "node:path";
import { place } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinySentencePieceMetadata, tinyTokenizerJson } from "@amulet-ts/testing/files/tiny-tokenizer";
import { describe, expect, test } from "vitest";
import { FilesError } from "../../src/errors.js";
import { openTokenizer } from "../../src/index.js";
import { tokenizerFromGguf, tokenizerFromJson } from "../../src/tokenizer/index.js";
import { withinTime } from "../../src/tokenizer/words/time-limit.js";

const json = tinyTokenizerJson();
const open = (change: object) => tokenizerFromJson({ tokenizer: JSON.stringify({ ...json, ...change }) });

function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(FilesError);
    expect(error).toMatchObject({ code: "bad-tokenizer" });
    return (error as FilesError).message;
  }
  return expect.unreachable("it was not refused");
}

describe("a normalizer that grows its text", () => {
  const grow = (content: string, pattern: object = { String: "a" }) => ({
    type: "Replace",
    pattern,
    content,
  });

  test.each([
    ["by a long content", grow("b".repeat(10_000))],
    ["step by step", { type: "Sequence", normalizers: Array(40).fill(grow("aa")) }],
    ["by sequences within sequences", nested(14, grow("a".repeat(30)))],
    ["by what it puts before", { type: "Prepend", prepend: "b".repeat(100_000) }],
    ["at every place", grow("x".repeat(1000), { Regex: "" })],
  ])("%s is stopped, with the file and the bound", (_, normalizer) => {
    const tokenizer = open({ normalizer });
    expect(refusalOf(() => tokenizer.encode("a".repeat(1000)))).toMatch(
      /^tokenizer\.json: the normalizer.* makes more than \d+ characters.*32 times/,
    );
  });

  test("but NFKD may make 18 characters of one", () => {
    const tokenizer = open({ normalizer: { type: "NFKD" } });
    expect(tokenizer.decode(tokenizer.encode("ﷺ".repeat(2000)))).toBe("ﷺ".normalize("NFKD").repeat(2000));
  });
});

/** Two of a kind in a sequence, so deep. */
function nested(depth: number, step: object): object {
  if (depth === 0) return step;
  const inner = nested(depth - 1, step);
  return { type: "Sequence", normalizers: [inner, inner] };
}

describe("a pattern", () => {
  // Before Node 20.16 no module of Node's can be had without an import, which a page could not resolve.
  test.skipIf(!process.getBuiltinModule)("that does not end is ended, with the bound (Node 20.16)", () => {
    const endless = () => /^(a+)+$/u.test(`${"a".repeat(60)}b`);
    expect(refusalOf(() => withinTime(endless, "tokenizer.json: cutting", 0.1))).toMatch(
      /^tokenizer\.json: cutting took more than 0\.1 seconds: stopped/,
    );
    expect(withinTime(() => 7, "adding", 0.1)).toBe(7);
  });

  test.each(["\\X", "(?x)a", "(", "a)", "[a", "\\", "(?<n", "x".repeat(10_001), "\\p{Nothing}", "(?y{g})a"])(
    "%s is refused by its name",
    (Regex) => {
      const pattern = { Regex };
      const split = { type: "Split", pattern, behavior: "Isolated", invert: false };
      const message = refusalOf(() => open({ pre_tokenizer: split }));
      expect(message).toMatch(/^pre_tokenizer\.pattern: /);
    },
  );
});

describe("more than any vocabulary has", () => {
  test("merges", () => {
    const merges = Array(2 ** 20 + 1).fill("t h");
    const message = refusalOf(() => open({ model: { ...json.model, merges } }));
    expect(message).toMatch(/^merges: expected at most 1,048,576 entries, found 1048577/);
  });

  test("a piece with a score that is longer than any", () => {
    const metadata = tinySentencePieceMetadata();
    const tokens = metadata.get("tokenizer.ggml.tokens") as string[];
    metadata.set("tokenizer.ggml.tokens", [...tokens.slice(0, -1), "a".repeat(100_000)]);
    expect(refusalOf(() => tokenizerFromGguf(metadata))).toMatch(/at most 512 characters, found 100000/);
  });

  test("an added token as long as a book", () => {
    const added_tokens = [{ id: 271, content: "<".repeat(5000) }];
    expect(refusalOf(() => open({ added_tokens }))).toMatch(/at most 1024 characters, found 5000/);
  });

  test("added tokens in all", () => {
    const added_tokens = Array.from({ length: 1100 }, (_, i) => ({ content: `${i}${"<".repeat(1000)}` }));
    expect(refusalOf(() => open({ added_tokens }))).toMatch(/at most 1,048,576 characters in all/);
  });

  test("what a decoder makes of a piece", () => {
    const step = { type: "Replace", pattern: { String: "a" }, content: "aa" };
    const tokenizer = open({ decoder: { type: "Sequence", decoders: Array(40).fill(step) } });
    expect(refusalOf(() => tokenizer.decode([tokenizer.tokenToId("a")!]))).toMatch(/^decoder: .*32 times/);
  });

  test("sequences within sequences", () => {
    for (const [part, key] of [
      ["normalizer", "normalizers"],
      ["pre_tokenizer", "pretokenizers"],
    ] as const) {
      let record: object = { type: "Sequence", [key]: [] };
      for (let i = 0; i < 20; i++) record = { type: "Sequence", [key]: [record] };
      expect(refusalOf(() => open({ [part]: record }))).toMatch(/at most 16 nested sequences/);
    }
  });
});

test("what is wrong with a folder's tokenizer names the folder", async () => {
  const path = await place({ "tokenizer.json": JSON.stringify({ ...json, decoder: { type: "CTC" } }) });
  await expect(openTokenizer(dirname(path))).rejects.toThrow(`${dirname(path)}: decoder: expected`);
});
