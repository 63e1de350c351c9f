import { describe, expect, it } from "vitest";
import { ggufParts, refuseMissing, selectDescription, selectGguf } from "../../src/hub/model-files.js";
import { parseModelId } from "../../src/hub/model-id.js";

const files = (paths: readonly string[]) => paths.map((path) => ({ path, size: 5e6 }));
/** Sorted, but parts of a GGUF file in their order. */
function select(id: string, paths: readonly string[]): string[] {
  const parsed = parseModelId(id);
  if (parsed.file !== undefined) return selectGguf(parsed, parsed.file, files(paths));
  return selectDescription(parsed, files(paths)).toSorted();
}
const small = ["config.json", "tokenizer.json"];
const index = "model.safetensors.index.json";
const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

describe("what a model needs of its repository", () => {
  it("is described by config, tokenizer and template, from the root alone", () => {
    const beside = [
      "README.md",
      "pytorch_model.bin",
      "vocab.json",
      "onnx/model.safetensors",
      "original/config.json",
    ];
    const optional = [
      "chat_template.jinja",
      "generation_config.json",
      "special_tokens_map.json",
      "tokenizer_config.json",
    ];
    const described = [...small, ...optional].toSorted();
    expect(select("o/n", [...beside, ...described, "model.safetensors"])).toEqual(described);
  });

  it("is described by its index too, unless all weights are in one file", () => {
    expect(select("o/n", [...small, index, ...shards])).toEqual(["config.json", index, "tokenizer.json"]);
    expect(select("o/n", [...small, index, ...shards, "model.safetensors"])).toEqual(small);
  });

  it("is the named GGUF file alone, with all its parts whichever was named", () => {
    const parts = ["q/m-00001-of-00002.gguf", "q/m-00002-of-00002.gguf"];
    expect(select("o/n:a.gguf", ["a.gguf", "b.gguf", "config.json"])).toEqual(["a.gguf"]);
    expect(select(`o/n:${parts[1]}`, [...parts, "a.gguf"])).toEqual(parts);
    expect(ggufParts("m-00002-of-00003.gguf")).toEqual([1, 2, 3].map((n) => `m-0000${n}-of-00003.gguf`));
  });

  it("cannot be guessed among GGUF files: they are listed as ids, split ones once, with their size", () => {
    const all = () =>
      select("o/n", ["a.gguf", "m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "mmproj-x.gguf"]);
    expect(all).toThrow(
      /name one.*\n {2}o\/n:a\.gguf {2}5\.0 MB\n {2}o\/n:m-00001-of-00002\.gguf {2}10\.0 MB$/,
    );
  });

  it.each<[string, string[], RegExp]>([
    ["o/n:c.gguf", ["a.gguf"], /no file c\.gguf.*\n {2}o\/n:a\.gguf/],
    ["o/n:m-00001-of-00002.gguf", ["m-00001-of-00002.gguf"], /no file m-00002-of-00002\.gguf/],
    [
      "o/n",
      [...small, "pytorch_model.bin"],
      /lacks model\.safetensors or .*index\.json \(it has pytorch_model\.bin/,
    ],
    [
      "o/n",
      [...small, ...shards],
      /lacks model\.safetensors or model\.safetensors\.index\.json \(it has model-00001-of-00002/,
    ],
    [
      "o/n",
      [...small, "consolidated.safetensors"],
      /lacks model\.safetensors or .*it has consolidated\.safetensors; those alone are not read/,
    ],
    ["o/n", [...small, "sub/model.safetensors"], /lacks model\.safetensors or/],
    [
      "o/n",
      ["config.json", "model.safetensors", "tokenizer.model"],
      /lacks tokenizer\.json \(it has model\.safetensors, tokenizer\.model/,
    ],
    [
      "o/n",
      ["adapter_config.json", "adapter_model.safetensors"],
      /lacks config\.json and tokenizer\.json and model\.safetensors or .*an adapter: merge it/,
    ],
    ["o/n", [], /lacks config\.json/],
  ])("%s of %j is refused with what is there", (id, paths, message) => {
    expect(() => select(id, paths)).toThrow(message);
  });

  it("is refused where the index names files that are not there, or none", () => {
    const refuse = (indexed: readonly string[]) =>
      refuseMissing(parseModelId("o/n"), files([...small, index, shards[0]!]), indexed);
    expect(() => refuse(shards)).toThrow(/names 2 files, and 1 of them are not there \(model-00002-of-00002/);
    expect(() => refuse([])).toThrow(/names no file/);
    refuse(shards.slice(0, 1));
  });

  it("is refused where what should describe it is larger than memory should hold", () => {
    const listed = [
      ...files([...small, "model.safetensors"]),
      { path: "generation_config.json", size: 1e10 },
    ];
    expect(() => selectDescription(parseModelId("o/n"), listed)).toThrow(
      /its generation_config\.json has 10\.00 GB/,
    );
  });
});
