import { mutate, mutateTree, seededDraws } from "@amulet-ts/testing/files/json-mutations";
import {
  tinySentencePieceMetadata,
  tinyTokenizerConfig,
  tinyTokenizerJson,
} from "@amulet-ts/testing/files/tiny-tokenizer";
import { describe, expect, it } from "vitest";
import { FilesError } from "../../src/errors.js";
import { renderedChatIds } from "../../src/templates/chat-ids.js";
import { findChatTemplate } from "../../src/templates/chat-template.js";
import { parseTokenizerConfig, tokenizerFromGguf, tokenizerFromJson } from "../../src/tokenizer/index.js";

const mutations = 2000;

interface Outcome {
  readonly loaded: boolean;
  readonly problem?: string;
}

/** Loads and uses a tokenizer; only a clear FilesError or a tokenizer that keeps its word is no problem. */
function tryFiles(tokenizer: string, config: string): Outcome {
  try {
    const loaded = tokenizerFromJson({ tokenizer, config });
    const template = findChatTemplate({ config: parseTokenizerConfig(config) });
    const { ids } = renderedChatIds(loaded, template, [{ role: "user", content: "the <|im_end|> é🙂" }]);
    const known = ids.every((id) => id >= 0 && id < loaded.vocabularySize);
    return known && typeof loaded.decode(ids) === "string"
      ? { loaded: true }
      : { loaded: true, problem: "unknown ids" };
  } catch (error) {
    const isClear = error instanceof FilesError && /^bad-(tokenizer|template|token)$/.test(error.code);
    return isClear && error.message.length > 20
      ? { loaded: false }
      : { loaded: false, problem: String(error) };
  }
}

describe("a damaged file is a clear error or a correct load", () => {
  const json = tinyTokenizerJson();
  const config = tinyTokenizerConfig();

  it.each([
    ["tokenizer.json", (seed: number) => tryFiles(mutate(json, seed), JSON.stringify(config))],
    ["tokenizer_config.json", (seed: number) => tryFiles(JSON.stringify(json), mutate(config, seed))],
  ])(`${mutations} mutations of %s`, (_, tryMutation) => {
    const outcomes = Array.from({ length: mutations }, (_unused, seed) => tryMutation(seed));
    expect(
      outcomes.flatMap((outcome, seed) => (outcome.problem ? [`seed ${seed}: ${outcome.problem}`] : [])),
    ).toEqual([]);
    // Both ways must have been taken, or the mutations test nothing.
    expect(new Set(outcomes.map((outcome) => outcome.loaded)).size).toBe(2);
  });

  it("2000 mutations of GGUF metadata", () => {
    const values = Object.fromEntries(
      Array.from(tinySentencePieceMetadata(), ([key, value]) => [
        key,
        ArrayBuffer.isView(value) ? [...(value as Int32Array)] : value,
      ]),
    );
    const problems = Array.from({ length: mutations }, (_, seed) => {
      const metadata = new Map(Object.entries(mutateTree(values, seededDraws(seed)) as object));
      return tryGguf(metadata, seed);
    });
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });
});

function tryGguf(metadata: ReadonlyMap<string, unknown>, seed: number): string | undefined {
  try {
    const tokenizer = tokenizerFromGguf(metadata);
    tokenizer.decode(tokenizer.encode("the é🙂"));
    return undefined;
  } catch (error) {
    return error instanceof FilesError ? undefined : `seed ${seed}: ${error}`;
  }
}

describe("a tokenizer that can't be right is refused with a sentence that helps", () => {
  const cases: [string, RegExp, (json: ReturnType<typeof tinyTokenizerJson>) => unknown][] = [
    [
      "a model that is no BPE",
      /model\.type: expected BPE, found "Unigram"/,
      (json) => ({ ...json, model: { ...json.model, type: "Unigram" } }),
    ],
    ["no model", /model: expected an object, found nothing/, ({ model: _, ...json }) => json],
    [
      "a merge of unknown pieces",
      /merges\[0\]: expected pieces of the vocabulary, found "zz"/,
      (json) => ({ ...json, model: { ...json.model, merges: ["zz y"] } }),
    ],
    [
      "two pieces with one id",
      /an id other than that of/,
      (json) => ({ ...json, model: { ...json.model, vocab: { ...json.model.vocab, extra: 5 } } }),
    ],
    [
      "an id far away",
      /expected an id below/,
      (json) => ({ ...json, model: { ...json.model, vocab: { ...json.model.vocab, extra: 2e9 } } }),
    ],
    [
      "an unknown pre-tokenizer",
      /pre_tokenizer\.type: expected one of .* found "Magic"/,
      (json) => ({ ...json, pre_tokenizer: { type: "Magic" } }),
    ],
    [
      "an unknown decoder",
      /decoder: expected none, ByteLevel/,
      (json) => ({ ...json, decoder: { type: "CTC" } }),
    ],
    [
      "a pattern that is no regular expression",
      /the pattern "\(" is not read: a group is not closed/,
      (json) => ({
        ...json,
        pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" },
      }),
    ],
  ];

  it.each(cases)("%s", (_, message, change) => {
    const load = () => tokenizerFromJson({ tokenizer: JSON.stringify(change(tinyTokenizerJson())) });
    expect(load).toThrow(message);
    expect(load).toThrow(expect.objectContaining({ code: "bad-tokenizer" }));
  });

  it("a GGUF pre-tokenizer that is not known, naming those that are", () => {
    const metadata = tinySentencePieceMetadata()
      .set("tokenizer.ggml.model", "gpt2")
      .set("tokenizer.ggml.pre", "magic");
    expect(() => tokenizerFromGguf(metadata)).toThrow(
      /"magic", which is not known here. Known: .*smollm.*qwen2/,
    );
  });
});
