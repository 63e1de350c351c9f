/** What is said where llama.cpp can't be had, and how its layouts are held. */
import { expect, test } from "vitest";
import { findBinaries, installCommand, packageVersion } from "../src/llama-cpp/native/find-binaries.js";
import { contextDefaults, findDifference, modelDefaults } from "../src/llama-cpp/native/layouts.js";
import { describeMissingKoffi } from "../src/llama-cpp/native/library.js";
import { Turns } from "../src/llama-cpp/native/turns.js";

test.each([
  ["linux-riscv64", "auto", "linux-riscv64"],
  ["darwin-arm64", "off", "mac-arm64-metal"],
  ["win32-x64", "vulkan", "win-x64-vulkan"],
] as const)(
  "on %s with gpu %s the missing package is named, with its version",
  async (platform, gpu, name) => {
    await expect(findBinaries(gpu, platform)).rejects.toMatchObject({
      code: "missing-engine",
      message: `The engine llama.cpp needs two packages that are not here: \`npm install koffi @node-llama-cpp/${name}@${packageVersion}\` gets them.`,
    });
  },
);

test("koffi that is not installed, and koffi without a binary for this platform, are told apart", () => {
  expect(describeMissingKoffi("npm install x", false)).toMatch(
    /koffi, which is not here: `npm install x` gets it/,
  );
  const present = describeMissingKoffi("npm install x", true);
  expect(present).toMatch(/here without a binary that runs on \S+-\S+: `npm rebuild koffi`/);
  expect(present).not.toContain("npm install x");
});

test("CUDA comes in two packages", () => {
  expect(installCommand("cuda", "linux-x64")).toBe(
    `npm install koffi @node-llama-cpp/linux-x64-cuda@${packageVersion} @node-llama-cpp/linux-x64-cuda-ext@${packageVersion}`,
  );
});

test("a card or a platform that there is no build for", async () => {
  await expect(findBinaries("metal", "linux-arm64")).rejects.toThrow(
    /not built with metal for linux-arm64; there are builds for: off\.$/,
  );
  await expect(findBinaries("auto", "aix-ppc64")).rejects.toThrow(/no build of llama\.cpp for aix-ppc64/);
});

/** As a library of the right layout gives them: what is not named is false or null. */
const given = { ...modelDefaults, devices: null, vocab_only: false };

test("the library's own defaults are those that were written down", () => {
  expect(findDifference(given, modelDefaults)).toBeUndefined();
  expect(
    findDifference({ ...contextDefaults, abort_callback: null, embeddings: false }, contextDefaults),
  ).toBe(undefined);
});

test.each([
  [{ ...given, split_mode: 0 }, "split_mode is 0 where 1 was expected"],
  [{ ...given, devices: 1n }, "devices is 1 where null was expected"],
  [{ ...given, vocab_only: true }, "vocab_only is true where false was expected"],
])("a layout that has moved shows", (moved, difference) => {
  expect(findDifference(moved, modelDefaults)).toBe(difference);
});

test("turns follow one another, whatever becomes of one", async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const first = turns.take(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    seen.push("first");
    throw new RangeError("of the first");
  });
  const second = turns.take(async () => seen.push("second"));
  await expect(first).rejects.toThrow("of the first");
  await second;
  expect(seen).toEqual(["first", "second"]);
});
