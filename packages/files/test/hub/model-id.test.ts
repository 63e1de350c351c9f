import { describe, expect, it } from "vitest";
import { FilesError } from "../../src/errors.js";
import { formatModelId, parseModelId } from "../../src/hub/index.js";

describe("a model's name on the hub", () => {
  it.each([
    ["HuggingFaceTB/SmolLM2-135M-Instruct", { repository: "HuggingFaceTB/SmolLM2-135M-Instruct" }],
    ["gpt2", { repository: "gpt2" }],
    ["o/n:q4.gguf", { repository: "o/n", file: "q4.gguf" }],
    ["o/n:Q4/a-00001-of-00002.gguf", { repository: "o/n", file: "Q4/a-00001-of-00002.gguf" }],
    ["o/n@v1.0", { repository: "o/n", revision: "v1.0" }],
    ["o/n:q4.gguf@refs/pr/1", { repository: "o/n", file: "q4.gguf", revision: "refs/pr/1" }],
  ])("%s is read and written back", (text, id) => {
    expect(parseModelId(text)).toEqual(id);
    expect(formatModelId(id)).toBe(text);
  });

  it.each([
    "",
    "/",
    "a/b/c",
    "../x",
    "a/..",
    "a/b--c",
    "a b/c",
    "./model",
    "/abs/path",
    "a/b:",
    "a/b@",
    "a/b:x.bin",
    "a/b:../x.gguf",
    "a/b:/x.gguf",
    "a/b:..\\x.gguf",
    "a/b@../../x",
    "a/b@a\u0000b",
    "C:\\models",
  ])("%j is refused", (text) => {
    expect(() => parseModelId(text)).toThrow(FilesError);
  });
});
