/** Texts that people hand over: UTF-8, or refused with the place. */
import { isUtf8 } from "node:buffer";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { expect, onTestFinished, test } from "vitest";
import { decodeText, FilesError, readTextIfThere } from "../../src/index.js";

const latin1 = (text: string) => Buffer.from(text, "latin1");

test("a byte order mark is no part of the text; one further on is", () => {
  expect(decodeText(Buffer.from("\uFEFFaé\uFEFF😀"), "it")).toBe("aé\uFEFF😀");
  expect(decodeText(new Uint8Array(), "it")).toBe("");
});

test.each<[string, Buffer, RegExp]>([
  [
    "Latin-1",
    latin1("a\nb\ncafé au lait"),
    /^it must be text in UTF-8, and the byte 0xE9 on line 3 \(byte 8 of all\) .* Save/,
  ],
  ["a character that is cut", Buffer.from("a\n😀").subarray(0, 5), /0xF0 on line 2 \(byte 3 of all\)/],
  ["a character that a newline cuts", Buffer.from([0xc3, 0x0a, 0xa9]), /0xC3 on line 1 \(byte 1 of all\)/],
  ["a surrogate", Buffer.from([0x61, 0xed, 0xa0, 0x80]), /0xED on line 1 \(byte 2 of all\)/],
  [
    "UTF-16",
    Buffer.from("\uFEFFab", "utf16le"),
    /^it must be text in UTF-8, and it begins as UTF-16 does\. Save/,
  ],
])("%s is refused with its place", (_, bytes, sentence) => {
  expect(() => decodeText(bytes, "it")).toThrow(sentence);
  expect(() => decodeText(bytes, "it")).toThrow(FilesError);
});

const parts = fc.oneof(
  fc.constantFrom("a", "\n", "é", "\uFEFF", "世", "😀").map((text) => [...Buffer.from(text)]),
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 2 }),
);
property.prop([fc.array(parts, { maxLength: 12 })])(
  "the place is the first that begins no character",
  (drawn) => {
    const bytes = Buffer.from([0x61, ...drawn.flat()]);
    if (isUtf8(bytes)) return void expect(decodeText(bytes, "it")).toBe(bytes.toString());
    let message = "";
    try {
      decodeText(bytes, "it");
    } catch (error) {
      message = (error as Error).message;
    }
    const [, line, byte] = /on line (\d+) \(byte (\d+) of all\)/.exec(message)!.map(Number);
    const before = bytes.subarray(0, byte! - 1);
    expect(isUtf8(before)).toBe(true);
    expect(before.toString().split("\n")).toHaveLength(line!);
    for (const length of [1, 2, 3, 4])
      expect(isUtf8(bytes.subarray(byte! - 1, byte! - 1 + length))).toBe(false);
  },
);

test("a file is read so; there may be none", async () => {
  const folder = await mkdtemp(join(tmpdir(), "amulet-text-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "it.txt");
  expect(await readTextIfThere(path)).toBeUndefined();
  await writeFile(path, "\uFEFFé");
  expect(await readTextIfThere(path)).toBe("é");
  await writeFile(path, latin1("é"));
  await expect(readTextIfThere(path)).rejects.toMatchObject({
    code: "file-unreadable",
    message: expect.stringContaining(`${path} must be text in UTF-8`),
  });
});
