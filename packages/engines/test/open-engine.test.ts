/** Opening a model by any name, on a hub of this machine; whatever goes wrong is a typed error and leaves no tensor. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CoreError, generate } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { loadModel } from "@amulet-ts/models";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { latestCommit, repositoryId, useHub } from "@amulet-ts/testing/hub/hub-fixture";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineError, findModel, type OpenEngineOptions, openEngine } from "../src/index.js";

withoutLeaks("wasm");
const hub = useHub();
const environment = () => ({
  HF_ENDPOINT: hub.server.endpoint,
  HF_HUB_CACHE: hub.cache,
  HF_HOME: join(hub.cache, "none"),
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-engines-"));
  await writeFile(join(folder, "tiny.gguf"), tinyLlamaFile());
  await cp(embeddedModelFolder, join(folder, "copy"), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

const question = "How do I make a cup of tea?";
const preference = "Your answer should be uplifting.";

async function answerOf(options: OpenEngineOptions): Promise<string> {
  const engine = await openEngine({ backend: "wasm", ...options });
  try {
    let text = "";
    for await (const piece of generate(engine.model, { question, preference, maxNewTokens: 12 }))
      text += piece.text;
    return text;
  } finally {
    await engine.dispose();
  }
}

/** The embedded model's files as a repository of the hub. */
async function publishEmbedded(): Promise<void> {
  const names = await readdir(embeddedModelFolder);
  const files = await Promise.all(
    names.map(async (name) => [name, await readFile(join(embeddedModelFolder, name))] as const),
  );
  hub.server.repositories[repositoryId] = {
    commits: { [latestCommit]: Object.fromEntries(files) },
    refs: { main: latestCommit },
  };
}

describe("a name", () => {
  test("no name, a folder with a copy and a hub id with the same files give the same answer", async () => {
    await publishEmbedded();
    using model = await loadModel(embeddedModelFolder);
    let expected = "";
    for await (const piece of generate(model, { question, preference, maxNewTokens: 12 }))
      expected += piece.text;
    expect(expected).toContain("tea");
    expect(await answerOf({})).toBe(expected);
    expect(await answerOf({ model: join(folder, "copy") })).toBe(expected);
    const steps: number[] = [];
    const onDownload = ({ overallReceivedBytes: done }: { overallReceivedBytes: number }) => steps.push(done);
    expect(await answerOf({ model: repositoryId, environment: environment(), onDownload })).toBe(expected);
    expect(steps.at(-1)).toBeGreaterThan(2e6);
    // The second time it is here.
    const asked = hub.server.seen.length;
    expect(await answerOf({ model: repositoryId, environment: environment() })).toBe(expected);
    expect(hub.server.seen.length).toBe(asked);
  });

  test("an engine says what it is, where it is from and what computes", async () => {
    const path = join(folder, "tiny.gguf");
    const progress: number[] = [];
    const engine = await openEngine({
      model: path,
      backend: "cpu",
      onProgress: ({ done, total }) => progress.push(done / total),
    });
    expect(engine).toMatchObject({ source: path, notes: [], parameterCount: 2 * 496 + 260 * 8 + 8 });
    expect(engine.model.name).toBe("tiny");
    expect(engine.backend.name).toBe("cpu");
    expect(engine.loadMs).toBeGreaterThan(0);
    expect(progress.at(-1)).toBe(1);
    const ids = engine.tokenizer.encode("this");
    expect(engine.tokenizer.decode(ids)).toBe("this");
    expect(ids.map((id) => engine.tokenizer.piece(id)).join("")).toBe("this");
    await engine.dispose();
    await engine.dispose();
    await openEngine({ model: path, backend: "wasm" }).then((other) => other.dispose());
  });

  test("a path that is there wins over a hub id, and a missing .gguf is no hub id", async () => {
    const here = process.cwd();
    process.chdir(folder);
    try {
      expect(await findModel("./copy")).toBe("./copy");
      await cp("copy", join("acme", "tiny"), { recursive: true });
      expect(await findModel(repositoryId)).toBe(repositoryId);
    } finally {
      process.chdir(here);
    }
    expect(await findModel("models/none.gguf")).toBe("models/none.gguf");
    await expect(openEngine({ model: "models/none.gguf" })).rejects.toMatchObject({ code: "file-not-found" });
    expect(hub.server.seen).toEqual([]);
  });
});

describe("what a caller hands over is checked", () => {
  const url = pathToFileURL("/models/tiny.gguf");
  test.each<[string, unknown, RegExp]>([
    [
      "a text",
      "org/name",
      /expects an object of options, such as \{ model: "org\/name" \}; it is "org\/name"/,
    ],
    ["null", null, /expects an object of options.*; it is null/],
    ["an array", ["org/name"], /; it is an array/],
    ["a URL", url, /; it is the URL file:\/\/\/models\/tiny\.gguf\. .*fileURLToPath/],
    [
      "a URL as model",
      { model: url },
      /option model must be the path.*; it is the URL .*fileURLToPath\(url\)/,
    ],
    ["null as model", { model: null }, /option model must be .*; it is null/],
    ["an empty model", { model: " " }, /option model must be .*; it is an empty text/],
    ["a number as backend", { backend: 3 }, /option backend must be the name of a backend.*; it is 3/],
    [
      "an engine that there is none of",
      { engine: "llama" },
      /option engine must be tfjs, llama\.cpp, or the address/,
    ],
    ["half an address", { engine: "http://" }, /option engine must be .*; it is "http:\/\/"/],
    [
      "no threads",
      { engine: "llama.cpp", threads: 0 },
      /option threads must be a whole number from 1 to 256; it is 0/,
    ],
    ["more threads than a process has", { threads: 3000 }, /option threads must be .* to 256; it is 3000/],
    [
      "a precision that there is none of",
      { precision: "fp16" },
      /option precision must be f32 or f16; it is "fp16"/,
    ],
    [
      "tfjs' precision with another engine",
      { engine: "llama.cpp", precision: "f16" },
      /option precision belongs to the engine tfjs; with llama\.cpp it does nothing/,
    ],
    [
      "another engine's option",
      { gpu: "cuda" },
      /option gpu belongs to the engine llama\.cpp; with tfjs it does nothing/,
    ],
    [
      "a controller as signal",
      { signal: new AbortController() },
      /option signal must be an AbortSignal; it is an object/,
    ],
    ["a text as onProgress", { onProgress: "bar" }, /option onProgress must be a function; it is "bar"/],
    ["true as onDownload", { onDownload: true }, /option onDownload must be a function; it is true/],
    ["a text as environment", { environment: "HF" }, /option environment must be an object of texts/],
    ["an unknown option", { modle: "org/name" }, /no option "modle"; it has model, engine/],
  ])("%s", async (_, options, message) => {
    const error = await openEngine(options as OpenEngineOptions).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ code: "bad-request", message: expect.stringMatching(message) });
  });

  test.each([undefined, null, 3, url, ""])("findModel(%s)", async (name) => {
    await expect(findModel(name as string)).rejects.toMatchObject({
      code: "bad-request",
      message: expect.stringMatching(/^A model's name must be the path .*; it is /),
    });
  });

  test("an option that is undefined is one that is not given", async () => {
    const undecided: OpenEngineOptions = { model: undefined, backend: "wasm", signal: undefined };
    const engine = await openEngine(undecided);
    expect(engine.source).toBe(embeddedModelFolder);
    await engine.dispose();
  });

  test("a backend that there is none of", async () => {
    await expect(openEngine({ backend: "abacus" })).rejects.toMatchObject({ code: "unknown-backend" });
  });

  test("a precision that the backend does not multiply in", async () => {
    await expect(openEngine({ backend: "wasm", precision: "f16" })).rejects.toMatchObject({
      code: "unsupported-precision",
    });
  });

  test("a callback that throws ends the call with its error", async () => {
    const onProgress = () => {
      throw new RangeError("of the caller");
    };
    await expect(openEngine({ backend: "wasm", onProgress })).rejects.toThrow("of the caller");
  });
});

describe("aborted: one typed error, and no tensor left", () => {
  async function expectAborted(options: OpenEngineOptions): Promise<void> {
    const before = tf.memory().numTensors;
    const error = await openEngine({ backend: "wasm", ...options }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CoreError);
    expect(error).toMatchObject({ code: "aborted", cause: options.signal!.reason });
    expect(tf.memory().numTensors).toBe(before);
  }

  test("before it begins", async () => {
    await expectAborted({ signal: AbortSignal.abort("enough") });
  });

  test("after the first parameter, in the middle, after the last", async () => {
    let count = 0;
    const engine = await openEngine({ backend: "wasm", onProgress: () => count++ });
    await engine.dispose();
    expect(count).toBeGreaterThan(20);
    for (const stop of [1, 2, count >> 1, count - 1, count]) {
      const controller = new AbortController();
      let seen = 0;
      const onProgress = () => ++seen === stop && controller.abort();
      await expectAborted({ signal: controller.signal, onProgress });
    }
  });

  test("while the backend starts", async () => {
    const controller = new AbortController();
    queueMicrotask(() => controller.abort());
    await expectAborted({ signal: controller.signal });
  });

  test("in a download", async () => {
    await publishEmbedded();
    const controller = new AbortController();
    await expectAborted({
      model: repositoryId,
      environment: environment(),
      signal: controller.signal,
      onDownload: () => controller.abort(),
    });
  });
});

test("a model of the hub that can't be run is refused before its weights are fetched", async () => {
  const { [latestCommit]: files } = hub.server.repositories[repositoryId]!.commits;
  const phi = {
    ...files,
    "config.json": Buffer.from('{"architectures":["PhiForCausalLM"],"model_type":"phi"}'),
  };
  hub.server.repositories[repositoryId] = { commits: { [latestCommit]: phi }, refs: { main: latestCommit } };
  const opened = openEngine({ backend: "wasm", model: repositoryId, environment: environment() });
  await expect(opened).rejects.toMatchObject({
    code: "unknown-architecture",
    message: expect.stringMatching(/^acme\/tiny\/config\.json is of the architecture "PhiForCausalLM"/),
  });
  expect(hub.server.downloads("content", "")).toEqual([]);
});
