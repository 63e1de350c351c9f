import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import { afterAll, beforeAll, expect, test } from "vitest";

let folder = "";
let model = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-sampling-"));
  model = join(folder, "tiny.gguf");
  writeFileSync(model, tinyLlamaFile());
});
afterAll(() => rm(folder, { recursive: true }));

async function idsOf(...words: string[]): Promise<number[]> {
  const common = ["Why?", "--preference", "Be kind.", "--model", model, "--max-new-tokens", "4", "--json"];
  const { status, stdout } = await amulet(["generate", ...common, ...words]);
  expect(status).toBe(0);
  return JSON.parse(stdout).ids;
}

test("banned tokens are never chosen", async () => {
  const ids = await idsOf();
  const banned = new Set(ids);
  expect((await idsOf("--ban", [...banned].join())).some((id) => banned.has(id))).toBe(false);
});

test("the same seed gives the same tokens, another seed others", async () => {
  const hot = (seed: string) => idsOf("--temperature", "5", "--seed", seed);
  expect(await hot("1")).toEqual(await hot("1"));
  expect(await hot("1")).not.toEqual(await hot("2"));
});
