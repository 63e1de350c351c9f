import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { amulet, tinyModel } from "@amulet-ts/testing/cli/fake-io";
import {
  stringEntry,
  type WrittenGguf,
  type WrittenTensor,
  writeGguf,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "amulet-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Every command that loads a model, with all else that it needs. */
const commands: readonly string[][] = [
  ["compare", "Why?", "--preference", "Be brief."],
  ["generate", "Why?", "--preference", "Be brief.", "--json"],
  ["tokenize", "--text", "Why?"],
  ["logits", "--ids", "1"],
];

async function expectRefusal(words: readonly string[], model: string): Promise<void> {
  const { status, stdout, stderr } = await amulet([...words, "--model", model]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(/^amulet: [^\n]{20,}\n$/);
  expect(stderr).toContain(model);
}

describe("a model that can't be loaded ends with status 1, one sentence that names it, and no output", () => {
  test.each(commands)("%s: no such file", async (...words) => {
    await expectRefusal(words, join(folder, "nothing.gguf"));
  });

  test.each(commands)("%s: a folder without a model", async (...words) => {
    await expectRefusal(words, folder);
  });

  test.each(commands)("%s: a file that is no model", async (...words) => {
    const path = join(folder, "text.gguf");
    writeFileSync(path, "This is only text, and long enough to hold a header.".repeat(10));
    await expectRefusal(words, path);
  });

  test("a GGUF file cut at 20 places", async () => {
    const whole = readFileSync(tinyModel);
    const path = join(folder, "cut.gguf");
    for (let i = 0; i < 20; i++) {
      const length = 4 + Math.round((i / 19) * (whole.length - 5));
      writeFileSync(path, whole.subarray(0, length));
      await expectRefusal(commands[1]!, path);
    }
  });

  const { entries, tensors } = tinyLlama();
  const [first, ...others] = tensors as [WrittenTensor, ...WrittenTensor[]];
  test.each<[string, WrittenGguf]>([
    ["the wrong magic", { entries, tensors, magic: "GGML" }],
    ["2^62 tensors", { entries, tensors, tensorCount: 2n ** 62n }],
    ["2^62 metadata entries", { entries, tensors, entryCount: 2n ** 62n }],
    ["a tensor outside the file", { entries, tensors: [{ ...first, offset: 2n ** 40n }, ...others] }],
    ["a tensor of 2^62 rows", { entries, tensors: [{ ...first, axes: [8n, 2n ** 62n] }, ...others] }],
    ["an unknown tensor type", { entries, tensors: [{ ...first, type: 99 }, ...others] }],
    [
      "an unknown architecture",
      { entries: [stringEntry("general.architecture", "mamba"), ...entries.slice(1)], tensors },
    ],
    ["a missing tensor", { entries, tensors: others }],
    ["a misshapen tensor", { entries, tensors: [{ ...first, shape: [8, 260] }, ...others] }],
  ])("a GGUF file with %s", async (_, file) => {
    const path = join(folder, "hostile.gguf");
    writeFileSync(path, writeGguf(file));
    await expectRefusal(commands[1]!, path);
  });

  test("and the same file without a fault answers", async () => {
    const path = join(folder, "sound.gguf");
    writeFileSync(path, writeGguf({ entries, tensors }));
    const { status, stdout } = await amulet([...commands[1]!, "--model", path, "--max-new-tokens", "3"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ method: "bounded" });
  });

  test("a prompt longer than the context", async () => {
    const path = join(folder, "short.gguf");
    writeFileSync(path, writeGguf({ entries, tensors }));
    const question = "word ".repeat(40);
    const { status, stdout, stderr } = await amulet([
      "generate",
      question,
      "--preference",
      "Be brief.",
      "--model",
      path,
    ]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/reads at most 64/);
  });
});
