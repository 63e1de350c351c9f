/** The README's table of what tokenizers may hold: a sample of each name loads or is refused, and none is left out. */
import { readFileSync } from "node:fs";
import { tinySentencePieceMetadata, tinyTokenizerJson } from "@amulet-ts/testing/files/tiny-tokenizer";
import { describe, expect, test } from "vitest";
import { tokenizerFromGguf, tokenizerFromJson } from "../../src/tokenizer/index.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const rows = new Map(
  /### Tokenizers\n(.*?)\n##/s
    .exec(readme)![1]!
    .split("\n")
    .filter((line) => /^\| \w/.test(line))
    .map((line) => {
      const [name, read, refused] = line.slice(1, -1).split(" | ");
      const others = refused!.includes("any other") ? ["of another name"] : [];
      return [name!.trim(), { read: namesIn(read!), refused: [...namesIn(refused!), ...others] }] as const;
    }),
);

function namesIn(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, name]) => name!);
}

const json = tinyTokenizerJson();
const load = (change: object) => tokenizerFromJson({ tokenizer: JSON.stringify({ ...json, ...change }) });
const loadModel = (change: object) => load({ model: { ...json.model, ...change } });
const split = (change: object) => ({
  type: "Split",
  pattern: { String: "a" },
  behavior: "Isolated",
  invert: false,
  ...change,
});

/** What a component needs beside its type. */
const more: Readonly<Record<string, object>> = {
  Sequence: { normalizers: [], pretokenizers: [], decoders: [] },
  Prepend: { prepend: "a" },
  Replace: { pattern: { String: "a" }, content: "b" },
  CharDelimiterSplit: { delimiter: "a" },
  FixedLength: { length: 3 },
  Split: split({}),
};

function loadDecoder(name: string) {
  const step = { type: name, ...more[name] };
  if (name !== "Strip") return load({ decoder: step });
  const strip = { ...step, content: " ", start: 1, stop: 0 };
  return load({ decoder: { type: "Sequence", decoders: [{ type: "Fuse" }, strip] } });
}

function loadGguf(key: string, name: string) {
  const metadata = tinySentencePieceMetadata().set("tokenizer.ggml.merges", []);
  if (key === "pre") metadata.set("tokenizer.ggml.model", "gpt2");
  return tokenizerFromGguf(metadata.set(`tokenizer.ggml.${key}`, name));
}

const samples: Readonly<Record<string, (name: string) => unknown>> = {
  model: (name) => (/^[A-Z]/.test(name) ? loadModel({ type: name }) : loadModel({ [name]: "the" })),
  merges: (name) => loadModel({ merges: [JSON.parse(name.replaceAll("a", "t").replaceAll("b", "h"))] }),
  "added tokens": (name) => load({ added_tokens: [{ id: 271, content: "<x>", [name]: true }] }),
  normalizer: (name) => load({ normalizer: { type: name, ...more[name] } }),
  "pre-tokenizer": (name) => load({ pre_tokenizer: { type: name, ...more[name] } }),
  "behaviour of a split": (behavior) => load({ pre_tokenizer: split({ behavior }) }),
  "pattern (Oniguruma)": (Regex) => load({ pre_tokenizer: split({ pattern: { Regex } }) }),
  decoder: loadDecoder,
  "GGUF, `tokenizer.ggml.model`": (name) => loadGguf("model", name),
  "GGUF, `tokenizer.ggml.pre`": (name) => loadGguf("pre", name),
};

test("every row has samples", () => {
  expect([...rows.keys()]).toEqual(Object.keys(samples));
});

describe.each(Object.entries(samples))("%s", (row, sample) => {
  const { read, refused } = rows.get(row) ?? { read: [], refused: [] };

  test.each(read)("%s is read", (name) => {
    expect(() => sample(name)).not.toThrow();
  });

  test.each(refused)("%s is refused", (name) => {
    expect(() => sample(name)).toThrow(expect.objectContaining({ code: "bad-tokenizer" }));
  });
});

test("the sources know no component that the table leaves out", () => {
  const known = (sample: () => unknown) => {
    let message = "";
    try {
      sample();
    } catch (error) {
      message = (error as Error).message;
    }
    return new Set(/one of ([\w, ]+), found|Known: ([^.]+)\./.exec(message)?.slice(1).join("").split(", "));
  };
  const listed = (row: string) => new Set(rows.get(row)?.read);
  expect(known(() => load({ normalizer: { type: "?" } }))).toEqual(listed("normalizer"));
  expect(known(() => load({ pre_tokenizer: { type: "?" } }))).toEqual(listed("pre-tokenizer"));
  expect(known(() => loadGguf("pre", "?"))).toEqual(listed("GGUF, `tokenizer.ggml.pre`"));
});
