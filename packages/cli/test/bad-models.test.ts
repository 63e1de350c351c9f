import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { amulet, skipWithoutFixtures, tinyModel } from "./fake-io.js";

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

  test.skipIf(skipWithoutFixtures.skip)(
    "a GGUF file cut at 20 places (needs ../shared/fixtures)",
    async () => {
      const whole = readFileSync(tinyModel);
      const path = join(folder, "cut.gguf");
      for (let i = 0; i < 20; i++) {
        const length = 4 + Math.round((i / 19) * (whole.length - 5));
        writeFileSync(path, whole.subarray(0, length));
        await expectRefusal(commands[1]!, path);
      }
    },
  );
});
