/** Engines of llama.cpp: what they say, refuse and give back, on the embedded model as a GGUF file. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, generate } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { encodeGguf } from "@amulet-ts/files";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { useEmbeddedGguf } from "@amulet-ts/testing/models/embedded-gguf";
import { tinyMamba, tinyVocabulary } from "@amulet-ts/testing/models/tiny-mamba";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineError, openEngine } from "../../src/index.js";
import { missing } from "../llama-cpp/missing.js";

if (missing !== undefined) console.warn(`Skipped: engines of llama.cpp. ${missing}`);

withoutLeaks("wasm");

const embedded = useEmbeddedGguf();
const open = () => openEngine({ engine: "llama.cpp", model: embedded.path, gpu: "off" });
let engine: Engine;
beforeAll(async () => {
  if (missing === undefined) engine = await open();
});
afterAll(() => engine?.dispose());

describe.skipIf(missing !== undefined)("engines of llama.cpp", () => {
  const question = {
    question: "How do I make a cup of tea?",
    preference: "Your answer should be uplifting.",
  };

  test("say what they are, and answer as our own forward passes do", async () => {
    expect(engine.backend).toMatchObject({
      name: "llama.cpp",
      version: expect.stringMatching(/^llama\.cpp 0\.4\.0/),
    });
    // Its template is none of those that llama.cpp has built in.
    expect(engine.notes).toEqual([expect.stringMatching(/^embedded: no template built into llama\.cpp/)]);
    expect(engine).toMatchObject({ source: embedded.path, parameterCount: 1_049_728 });
    const ours = await openEngine({ backend: "wasm" });
    const texts: string[] = [];
    for (const { model } of [engine, ours]) {
      let text = "";
      for await (const piece of generate(model, { ...question, maxNewTokens: 60 })) text += piece.text;
      texts.push(text);
    }
    expect(texts[0]).toContain("tea");
    expect(texts[0]).toBe(texts[1]);
    await ours.dispose();
  });

  test("that are disposed of end their answers by an error, twice does no harm, and open no session", async () => {
    const other = await open();
    const answer = generate(other.model, { ...question, maxNewTokens: 60 });
    await answer.next();
    await other.dispose();
    await other.dispose();
    await expect(answer.next()).rejects.toMatchObject({ code: "disposed" });
    expect(() => other.model.openSession(1)).toThrow(EngineError);
  });

  test("are opened and disposed of 200 times, and no memory is lost", async () => {
    const cycle = async () => {
      const one = await open();
      const session = one.model.openSession(2);
      (
        await session.append([
          [5, 6, 7],
          [8, 9, 10, 11],
        ])
      ).logits_RC.dispose();
      await session.dispose();
      await one.dispose();
    };
    for (let warm = 0; warm < 40; warm++) await cycle();
    const before = residentMegabytes();
    for (let n = 0; n < 160; n++) await cycle();
    // A file takes 4 MB, a context and its batch 1: a tenth of what would be lost at each.
    expect(residentMegabytes() - before).toBeLessThan(0.1 * 160 * 5);
  });

  test("write 10,000 tokens in flat memory", async () => {
    const session = engine.model.openSession(2);
    try {
      const write = async (tokens: number) => {
        for (let t = 0; t < tokens; t++) {
          if (session.lengths[0]! > 200) await session.rewind([3, 6]);
          const next = await session.append([[t % 2048], [(7 * t) % 2048]]);
          next.logits_RC.dispose();
        }
      };
      (
        await session.append([
          [1, 2, 3],
          [4, 5, 6, 7, 8, 9],
        ])
      ).logits_RC.dispose();
      await write(2_000);
      const before = residentMegabytes();
      await write(10_000);
      // Logits alone are 16 KiB a token, 160 MB in all.
      expect(residentMegabytes() - before).toBeLessThan(32);
    } finally {
      await session.dispose();
    }
  });

  test("refuse what they can't run, and say why", async () => {
    const refused = (options: object) => openEngine({ engine: "llama.cpp", gpu: "off", ...options });
    await expect(refused({})).rejects.toThrow(/needs a model: name a \.gguf file/);
    await expect(refused({ model: embeddedModelFolder })).rejects.toThrow(
      /reads GGUF files, and .* is a folder/,
    );
    await expect(refused({ model: join(embedded.folder, "none.gguf") })).rejects.toMatchObject({
      code: "file-not-found",
    });
    const mamba = join(embedded.folder, "mamba.gguf");
    await writeFile(mamba, tinyMamba());
    await expect(refused({ model: mamba })).rejects.toMatchObject({
      code: "unsupported-model",
      message: expect.stringMatching(/mamba is of the architecture mamba, which is recurrent/),
    });
    const unknown = join(embedded.folder, "unknown.gguf");
    await writeFile(
      unknown,
      encodeGguf({ ...tinyVocabulary, "general.architecture": { text: "abacus" } }, new Map()),
    );
    await expect(refused({ model: unknown })).rejects.toMatchObject({
      code: "engine-failed",
      message: expect.stringMatching(/could not load .*unknown model architecture: 'abacus'/),
    });
  });

  test("opening that is aborted, or whose listener throws, ends with that", async () => {
    const options = { engine: "llama.cpp", model: embedded.path, gpu: "off" } as const;
    const controller = new AbortController();
    const onProgress = () => controller.abort("enough");
    await expect(openEngine({ ...options, signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: "aborted",
      cause: "enough",
    });
    const throwing = () => {
      throw new RangeError("of the caller");
    };
    await expect(openEngine({ ...options, onProgress: throwing })).rejects.toThrow("of the caller");
    const seen: number[] = [];
    const one = await openEngine({ ...options, onProgress: ({ done, total }) => seen.push(done / total) });
    expect(seen.at(-1)).toBe(1);
    await one.dispose();
  });
});

function residentMegabytes(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 2 ** 20;
}
