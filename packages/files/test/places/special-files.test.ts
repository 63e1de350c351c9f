/** A folder whose files are something else: a sentence, and nothing that waits or grows for ever. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { openCheckpoint, openTokenizer } from "@amulet-ts/files";
import { makeFolder, place } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyFolder } from "@amulet-ts/testing/models/tiny-folder";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import { describe, expect, onTestFinished, test } from "vitest";
import { onDisk } from "../../src/places/disk.js";

const here = process.platform !== "win32";

/** Makes something that is no file at a path. */
const others: Readonly<Record<string, (path: string) => unknown>> = {
  "a pipe": (path) => execFileSync("mkfifo", [path]),
  "a socket": (path) =>
    new Promise<void>((listening) => {
      const server: Server = createServer().listen(path, listening);
      onTestFinished(() => void server.close());
    }),
  "a device": (path) => symlink("/dev/zero", path),
  "a folder": (path) => mkdir(path),
};

const small = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
];
const weights = ["model.safetensors", "model.safetensors.index.json", "two.safetensors"];

async function openAndRead(path: string): Promise<void> {
  const { store } = await openCheckpoint(path);
  await store.close();
}

describe.skipIf(!here)("no file (skipped on Windows, which has other kinds)", () => {
  describe.each(Object.keys(others))("%s", (kind) => {
    test.each([...small, ...weights])("as %s, itself and behind a link", async (name) => {
      const folder = dirname(await place(tinyFolder()));
      const path = join(folder, name);
      await rm(path, { force: true });
      await others[kind]!(path);
      // A folder in the index's place is none, and the other way round.
      const message = new RegExp(`${name} is ${kind}, not a file`);
      await expect(openAndRead(folder)).rejects.toMatchObject({
        code: "not-a-model",
        message: expect.stringMatching(message),
      });
      const linked = join(await makeFolder(), "linked");
      await mkdir(linked);
      for (const [other, content] of Object.entries(tinyFolder()))
        if (other !== name) await writeFile(join(linked, other), content);
      await symlink(path, join(linked, name));
      await expect(openAndRead(linked)).rejects.toThrow(message);
      if (small.includes(name)) await expect(openTokenizer(linked)).rejects.toThrow(message);
    });

    test.skipIf(kind === "a folder")("as a GGUF file", async () => {
      const path = join(await makeFolder(), "model.gguf");
      await others[kind]!(path);
      await expect(openCheckpoint(path)).rejects.toThrow(`${path} is ${kind}, not a file`);
      await expect(openTokenizer(path)).rejects.toThrow(`${path} is ${kind}, not a file`);
    });
  });

  test("a part of a split GGUF file", async () => {
    const folder = await makeFolder();
    const path = join(folder, "m-00001-of-00002.gguf");
    await writeFile(path, tinyLlamaFile());
    execFileSync("mkfifo", [join(folder, "m-00002-of-00002.gguf")]);
    await expect(openCheckpoint(join(folder, "m-00002-of-00002.gguf"))).rejects.toThrow(
      /is a pipe, not a file/,
    );
  });

  test("a file that tells no size is read to its end", async () => {
    if (!existsSync("/proc/version")) return;
    expect(await onDisk("/proc/version").readText()).toMatch(/^Linux.*\n$/s);
    await expect(onDisk("/proc/version").readText(10)).rejects.toThrow(/longer than/);
  });
});

describe("a file too long", () => {
  test.each(small)("%s of 10 GiB is refused before it is read", async (name) => {
    const folder = dirname(await place({ ...tinyFolder(), [name]: "{}" }));
    await truncate(join(folder, name), 10 * 2 ** 30);
    const before = process.memoryUsage().rss;
    await expect(openAndRead(folder)).rejects.toThrow(new RegExp(`${name} is longer than (1|16|128) MiB`));
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
  });

  test("one just as long as it may be is read", async () => {
    const path = await place({ "a.txt": "x".repeat(5000) });
    expect(await onDisk(path).readText(5000)).toHaveLength(5000);
    await expect(onDisk(path).readText(4999)).rejects.toThrow(/longer than/);
    const handle = await open(path, "a");
    await handle.write("é");
    await handle.close();
    expect((await onDisk(path).readText())!.endsWith("xé")).toBe(true);
  });
});

describe("a file too deep", () => {
  const deep = (open: string, close: string) => `{"a":${open.repeat(1e5)}1${close.repeat(1e5)}}`;

  test.each(small.filter((name) => name.endsWith(".json")))("%s", async (name) => {
    for (const text of [deep("[", "]"), deep('{"b":', "}"), `{"rope_scaling":${"[".repeat(100)}`]) {
      const folder = dirname(await place({ ...tinyFolder(), [name]: text }));
      await expect(openAndRead(folder)).rejects.toMatchObject({
        code: expect.stringMatching(/bad-(config|tokenizer)/),
        message: expect.stringMatching(new RegExp(`${name} nests more than 64`)),
      });
    }
  });

  test("brackets in texts are no depth", async () => {
    const folder = dirname(
      await place({ ...tinyFolder(), "generation_config.json": `{"a":"${'[{\\"'.repeat(1000)}"}` }),
    );
    await openAndRead(folder);
  });
});
