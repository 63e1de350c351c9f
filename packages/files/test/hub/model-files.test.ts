import { describe, expect, it } from "vitest";
import { ggufParts, selectFiles } from "../../src/hub/model-files.js";
import { parseModelId } from "../../src/hub/model-id.js";

const select = (id: string, ...paths: string[]) =>
  selectFiles(
    parseModelId(id),
    paths.map((path) => ({ path, size: 5e6 })),
  );
const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const INDEX = "model.safetensors.index.json";

describe("what a model needs of its repository", () => {
  it("is config, tokenizer, template and weights, from the root alone", () => {
    const beside = [
      "README.md",
      "pytorch_model.bin",
      "vocab.json",
      "onnx/model.safetensors",
      "original/config.json",
    ];
    const needed = ["config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors"];
    expect(select("o/n", ...beside, ...needed).sort()).toEqual([...needed].sort());
  });

  it("is every shard with its index, not the same weights in another form", () => {
    const needed = ["config.json", INDEX, ...SHARDS];
    expect(select("o/n", ...needed, "consolidated.safetensors").sort()).toEqual(needed.sort());
    expect(select("o/n", ...needed, "model.fp16-00001-of-00002.safetensors").sort()).toEqual(needed.sort());
  });

  it("is the single file where both it and shards are there", () => {
    expect(select("o/n", "config.json", INDEX, ...SHARDS, "model.safetensors")).toEqual([
      "config.json",
      "model.safetensors",
    ]);
  });

  it("is the named GGUF file alone, with all its parts whichever was named", () => {
    const parts = ["q/m-00001-of-00002.gguf", "q/m-00002-of-00002.gguf"];
    expect(select("o/n:a.gguf", "a.gguf", "b.gguf", "config.json")).toEqual(["a.gguf"]);
    expect(select(`o/n:${parts[1]}`, ...parts, "a.gguf")).toEqual(parts);
    expect(ggufParts("m-00002-of-00003.gguf")).toEqual([1, 2, 3].map((n) => `m-0000${n}-of-00003.gguf`));
  });

  it("cannot be guessed among GGUF files: they are listed as ids, split ones once, with their size", () => {
    const all = () =>
      select("o/n", "a.gguf", "m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "mmproj-x.gguf");
    expect(all).toThrow(
      /name one.*\n {2}o\/n:a\.gguf {2}5\.0 MB\n {2}o\/n:m-00001-of-00002\.gguf {2}10\.0 MB$/,
    );
  });

  it.each([
    ["o/n:c.gguf", ["a.gguf"], /no file c\.gguf.*\n {2}o\/n:a\.gguf/],
    ["o/n:m-00001-of-00002.gguf", ["m-00001-of-00002.gguf"], /no file m-00002-of-00002\.gguf/],
    ["o/n", ["config.json", "pytorch_model.bin"], /lacks weights in \*\.safetensors.*pytorch_model\.bin/],
    ["o/n", ["config.json", SHARDS[0]!], /no whole checkpoint/],
    ["o/n", ["adapter_config.json", "adapter_model.safetensors"], /lacks config\.json/],
    ["o/n", [], /lacks config\.json/],
  ])("%s of %j is refused with what is there", (id, paths, message) => {
    expect(() => select(id, ...paths)).toThrow(message);
  });
});
