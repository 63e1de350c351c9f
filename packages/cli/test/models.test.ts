/** `amulet models` and `--model org/name`, against a hub on this machine. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { amulet, type Surroundings } from "@amulet-ts/testing/cli/fake-io";
import { tinyTokenizerConfig, tinyTokenizerJson } from "@amulet-ts/testing/files/tiny-tokenizer";
import { checkpointFiles, repositoryId, useHub, wantedFiles } from "@amulet-ts/testing/hub/hub-fixture";
import { sha256 } from "@amulet-ts/testing/hub/hub-server";
import { describe, expect, test } from "vitest";

const hub = useHub();
const total = wantedFiles.reduce((sum, name) => sum + checkpointFiles[name]!.length, 0);
const weights = checkpointFiles["model.safetensors"]!;
const commit = "a".repeat(40);

/** Runs the command on this hub and this cache; nothing of the machine's own is read. */
function run(words: readonly string[], around: Surroundings = {}) {
  const environment = {
    HF_ENDPOINT: hub.server.endpoint,
    HF_HUB_CACHE: hub.cache,
    HF_HOME: join(hub.cache, "no-home"),
    ...around.environment,
  };
  return amulet(words, { ...around, environment });
}

async function json(words: readonly string[]) {
  const { status, stdout } = await run([...words, "--json"]);
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

const snapshot = () => hub.inCache("snapshots", commit);

describe("amulet models", () => {
  test("pull fetches a model and says where it lies; path says it again, without the hub", async () => {
    const pulled = await run(["models", "pull", repositoryId]);
    expect(pulled).toMatchObject({ status: 0, stdout: `${snapshot()}\n` });
    expect((await readdir(snapshot())).sort()).toEqual([...wantedFiles].sort());
    const asked = hub.server.seen.length;
    expect(await run(["models", "path", repositoryId])).toEqual({
      status: 0,
      stdout: `${snapshot()}\n`,
      stderr: "",
    });
    expect(hub.server.seen.length).toBe(asked);
  });

  test("pull --json gives one object: where, which commit, how much came", async () => {
    const expected = { id: repositoryId, path: snapshot(), kind: "folder", commit };
    expect(await json(["models", "pull", repositoryId])).toEqual({ ...expected, fetchedBytes: total });
    expect(await json(["models", "pull", repositoryId])).toEqual({ ...expected, fetchedBytes: 0 });
    expect(await json(["models", "path", repositoryId])).toEqual({ id: repositoryId, path: snapshot() });
  });

  test("pull refuses what can't be run, and what is quantised, before its weights come", async () => {
    for (const [config, message] of [
      [{ model_type: "phi" }, /amulet: acme\/tiny\/config\.json .*"phi".*qwen3/],
      [
        { model_type: "llama", quantization: { bits: 4 } },
        /amulet: acme\/tiny is quantised with MLX, 4 bits/,
      ],
    ] as const) {
      const files = { ...checkpointFiles, "config.json": Buffer.from(JSON.stringify(config)) };
      hub.server.repositories[repositoryId] = { commits: { [commit]: files }, refs: { main: commit } };
      expect(await run(["models", "pull", repositoryId])).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(message),
      });
    }
    expect(hub.server.downloads("content", "")).toEqual([]);
  });

  test("pull asks for what is newer, though the cache has the model", async () => {
    await run(["models", "pull", repositoryId]);
    const newer = "c".repeat(40);
    hub.server.repositories[repositoryId] = { commits: { [newer]: checkpointFiles }, refs: { main: newer } };
    expect(await json(["models", "pull", repositoryId])).toMatchObject({ commit: newer, fetchedBytes: 0 });
  });

  test("path of what is not here fails and says what fetches it", async () => {
    const { status, stdout, stderr } = await run(["models", "path", repositoryId]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/not whole in the cache .*`amulet models pull acme\/tiny`/);
  });

  test("list is a table with straight columns; remove takes a model away and says what that freed", async () => {
    hub.server.repositories["acme/a-longer-name"] = {
      commits: { [commit]: { "one.gguf": Buffer.alloc(2_500_000) } },
      refs: { main: commit },
    };
    await run(["models", "pull", repositoryId]);
    await run(["models", "pull", "acme/a-longer-name:one.gguf"]);
    const { stdout } = await run(["models", "list"]);
    expect(stdout.split("\n")).toEqual([
      "MODEL                              SIZE  REVISIONS",
      "acme/a-longer-name               2.5 MB  main aaaaaaa",
      "  acme/a-longer-name:one.gguf",
      "acme/tiny                      300.6 kB  main aaaaaaa",
      `2 models, 2.8 MB, in ${hub.cache}`,
      "",
    ]);
    expect(await run(["models"])).toMatchObject({ stdout });
    const removed = await run(["models", "remove", repositoryId]);
    expect(removed).toMatchObject({ status: 0, stdout: "Removed acme/tiny: 300.6 kB freed.\n", stderr: "" });
    expect((await run(["models", "list"])).stdout).not.toContain("acme/tiny");
  });

  test("--json of list and remove", async () => {
    await run(["models", "pull", repositoryId]);
    const listed = await json(["models", "list"]);
    expect(listed.cache).toBe(hub.cache);
    expect(listed.models[0]).toMatchObject({
      repository: repositoryId,
      revisions: [{ commit, refs: ["main"], ids: [repositoryId] }],
    });
    expect(await json(["models", "remove", repositoryId])).toMatchObject({
      id: repositoryId,
      commits: [commit],
    });
    expect((await json(["models", "list"])).models).toEqual([]);
    expect((await run(["models"])).stdout).toMatch(/^No models in .*amulet models pull/);
  });

  test.each([
    [["models", "lst"], /no `amulet models lst`\. Did you mean list\? There are: list, pull, path, remove/],
    [["models", "toString"], /no `amulet models toString`/],
    [["models", "pull"], /Which model\? `amulet models pull org\/name/],
    [["models", "remove", "a/b", "c/d"], /One model was expected; got "a\/b", "c\/d"/],
    [["models", "list", "a/b"], /takes no more words; got "a\/b"/],
  ] as const)("%j is wrong usage", async (words, sentence) => {
    const { status, stdout, stderr } = await run([...words]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
  });

  test("what the hub says passes through as one sentence", async () => {
    const missing = await run(["models", "pull", "acme/nothing"]);
    expect(missing).toMatchObject({ status: 1, stdout: "" });
    expect(missing.stderr).toMatch(/^amulet: [^\n]*has no model acme\/nothing[^\n]*\n$/);
    const offline = await run(["models", "pull", repositoryId], { environment: { HF_HUB_OFFLINE: "1" } });
    expect(offline.stderr).toMatch(/not whole in the cache/);
  });
});

describe("progress of a download, on standard error", () => {
  test("a terminal sees one moving line with bar, files, sizes, and it goes away", async () => {
    const { stderr } = await run(["models", "pull", repositoryId], { isTTY: true, columns: 120 });
    expect(stderr).toMatch(/Fetching acme\/tiny .*[━─].* % · file \d of 7 · [\d.]+ kB of 300\.5 kB/);
    const [moving, rest] = stderr.split("amulet: ");
    expect(moving!.endsWith("\r\x1b[2K")).toBe(true);
    expect(moving).not.toContain("\n");
    expect(rest).toBe("fetched 300.5 kB of acme/tiny\n");
  });

  test("a file sees a line for each tenth, the last with all of it", async () => {
    const { stderr } = await run(["models", "pull", repositoryId]);
    const lines = stderr.trimEnd().split("\n").slice(0, -1);
    expect(lines.length).toBeLessThanOrEqual(11);
    for (const line of lines) expect(line).toMatch(/^Fetching acme\/tiny: \d+ % · file \d of 7 · /);
    expect(lines.at(-1)).toBe("Fetching acme/tiny: 100 % · file 7 of 7 · 300.5 kB of 300.5 kB");
    expect(stderr).not.toContain("\x1b");
  });
});

describe("Ctrl-C during a download", () => {
  const partial = () => hub.inCache("blobs", `${sha256(weights)}.amulet.incomplete`);

  test("gives 130 and keeps what has arrived; the next pull goes on there", async () => {
    hub.server.fault = ({ host }) => (host === "content" ? { silentAfter: 200_000 } : undefined);
    const stopped = await run(["models", "pull", repositoryId], {
      onNote: (text, interrupt) => {
        if (/ [6-9]\d % /.test(text)) interrupt();
      },
    });
    expect(stopped).toMatchObject({ status: 130, stdout: "" });
    const kept = (await readFile(partial())).length;
    expect(kept).toBeGreaterThan(100_000);
    hub.server.fault = () => undefined;
    expect(await run(["models", "pull", repositoryId])).toMatchObject({ status: 0 });
    expect(hub.server.downloads("content", "model.safetensors").at(-1)!.headers.range).toBe(`bytes=${kept}-`);
    expect(sha256(await readFile(join(snapshot(), "model.safetensors")))).toBe(sha256(weights));
  });
});

describe("--model", () => {
  const tokenize = (model: string) => run(["tokenize", "--text", "the user", "--model", model, "--json"]);
  const useTinyTokenizer = () => {
    const files = {
      ...checkpointFiles,
      "tokenizer.json": Buffer.from(JSON.stringify(tinyTokenizerJson())),
      "tokenizer_config.json": Buffer.from(JSON.stringify(tinyTokenizerConfig())),
    };
    hub.server.repositories[repositoryId] = {
      commits: { [commit]: files },
      refs: { main: commit, v1: commit },
    };
  };

  test.each(["acme/tiny", "acme/tiny@v1"])("%s is fetched once and then read from the cache", async (id) => {
    useTinyTokenizer();
    const first = await tokenize(id);
    expect(first.status).toBe(0);
    expect(first.stderr).toContain(`Fetching ${id}`);
    const asked = hub.server.seen.length;
    expect(await tokenize(id)).toEqual({ ...first, stderr: "" });
    expect(hub.server.seen.length).toBe(asked);
  });

  test("a path that exists wins over the hub", async () => {
    useTinyTokenizer();
    await run(["models", "pull", repositoryId]);
    const asked = hub.server.seen.length;
    const here = process.cwd();
    // Seen from the folder above the cache, the cache's own path is `org/name`.
    const relative = join(hub.cache.split("/").at(-1)!, "models--acme--tiny");
    try {
      process.chdir(join(hub.cache, ".."));
      const { status, stderr } = await tokenize(relative);
      expect(status).toBe(1);
      expect(stderr).toContain(`${relative} has no tokenizer`);
    } finally {
      process.chdir(here);
    }
    expect(hub.server.seen.length).toBe(asked);
  });

  test.each(["models/tiny.gguf", "./acme/tiny", "/acme/tiny", "tiny", "a/b/c"])(
    "%s is a path: the hub is not asked",
    async (path) => {
      const { status, stderr } = await tokenize(path);
      expect(status).toBe(1);
      expect(stderr).toContain(`no file or folder ${path}`);
      expect(hub.server.seen).toEqual([]);
    },
  );

  test("a repository without the named file lists what there is", async () => {
    hub.server.repositories[repositoryId] = {
      commits: { [commit]: { "one.gguf": Buffer.alloc(2500) } },
      refs: { main: commit },
    };
    const { status, stderr } = await tokenize("acme/tiny:two.gguf");
    expect(status).toBe(1);
    expect(stderr).toContain("acme/tiny:one.gguf");
    expect((await tokenize("acme/tiny:two.txt")).stderr).toMatch(/does not end in \.gguf/);
  });
});
