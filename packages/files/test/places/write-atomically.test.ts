/** A file is the old one or the new one, whatever happens on the way. */
import { execFileSync } from "node:child_process";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeAtomically } from "../../src/index.js";
import { replaceAtomically } from "../../src/places/write-atomically.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-atomic-"));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
const read = (name: string) => readFile(at(name), "utf8");

test("writes text and bytes, and leaves nothing beside them", async () => {
  await writeAtomically(at("a"), "first");
  await writeAtomically(at("a"), Uint8Array.from([0xc3, 0xa9]));
  expect(await read("a")).toBe("é");
  expect(await readdir(folder)).toEqual(["a"]);
});

test("what fails half-way leaves the old file alone", async () => {
  await writeFile(at("a"), "old");
  const fail = replaceAtomically(at("a"), async (unfinished) => {
    await writeFile(unfinished, "ne");
    throw new Error("the disk is full");
  });
  await expect(fail).rejects.toThrowError("the disk is full");
  expect(await readdir(folder)).toEqual(["a"]);
  expect(await read("a")).toBe("old");
});

test("a folder is not replaced, and an error leaves nothing", async () => {
  await mkdir(at("a"));
  await expect(writeAtomically(at("a"), "x")).rejects.toMatchObject({
    name: "FilesError",
    code: "file-unwritable",
    message: expect.stringMatching(/a can't be written: it is a folder \(EISDIR\)\./),
  });
  await expect(writeAtomically(at("none/a"), "x")).rejects.toMatchObject({
    message: expect.stringMatching(/can't be written: there is no such file or folder \(ENOENT\)/),
  });
  expect(await readdir(folder)).toEqual(["a"]);
});

test("writers at the same time never mix: each reader sees one of the texts whole", async () => {
  const texts = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(200_000));
  await writeAtomically(at("a"), texts[0]!);
  let isWriting = true;
  const writers = Promise.all(texts.map((text) => writeAtomically(at("a"), text))).finally(() => {
    isWriting = false;
  });
  const seen: string[] = [];
  while (isWriting) seen.push(await read("a"));
  await writers;
  expect(seen.length).toBeGreaterThan(0);
  for (const text of [...seen, await read("a")]) expect(texts.includes(text)).toBe(true);
});

test.skipIf(process.platform === "win32")("a link stays one: what it leads to is replaced", async () => {
  await writeFile(at("file"), "old");
  await symlink("file", at("link"));
  await writeAtomically(at("link"), "new");
  expect((await lstat(at("link"))).isSymbolicLink()).toBe(true);
  expect(await read("file")).toBe("new");
});

test.skipIf(process.platform === "win32")("a pipe is written to, and stays a pipe", async () => {
  execFileSync("mkfifo", [at("pipe")]);
  const [text] = await Promise.all([read("pipe"), writeAtomically(at("pipe"), "through")]);
  expect(text).toBe("through");
  expect((await lstat(at("pipe"))).isFIFO()).toBe(true);
  expect(await readdir(folder)).toEqual(["pipe"]);
});
