/** What is fetched follows the index; what can't be opened is refused before its weights are fetched. */
import { readdir, rm } from "node:fs/promises";
import {
  checkpointFiles,
  hashAll,
  hashesOf,
  latestCommit,
  makeBytes,
  repositoryId,
  useHub,
} from "@amulet-ts/testing/hub/hub-fixture";
import { describe, expect, it } from "vitest";
import { cachedModelPath, listCachedModels, resolveModel } from "../../src/hub/index.js";

const hub = useHub();
const resolve = (more = {}) => resolveModel(repositoryId, hub.options(more));

const indexFile = "model.safetensors.index.json";
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const { "model.safetensors": whole, ...described } = checkpointFiles;

/** Puts a repository with an index of these files on the hub; `there` are those it has. */
function offer(shards: readonly string[], there = shards): Record<string, Buffer> {
  const weight_map = Object.fromEntries(shards.map((file, index) => [`layer.${index}.weight`, file]));
  const files = Object.fromEntries(there.map((file, index) => [file, makeBytes(5000, index)]));
  return serve({ ...described, [indexFile]: json({ metadata: {}, weight_map }), ...files });
}

function serve(files: Record<string, Buffer>): Record<string, Buffer> {
  hub.server.repositories[repositoryId] = {
    commits: { [latestCommit]: files },
    refs: { main: latestCommit },
  };
  return files;
}

const fetched = () =>
  hub.server.downloads("content", "").map(({ path }) => path.split("/").slice(4).join("/"));

describe("weights in several files", () => {
  it.each([
    ["as usual", ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]],
    ["six digits wide", ["model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors"]],
    ["by other names", ["weights-1.safetensors", "b.safetensors"]],
    ["in folders", ["weights/one.safetensors", "weights/more/two.safetensors"]],
    ["one only", ["model-00001-of-00001.safetensors"]],
  ])("are those that the index names, %s, and the index is there", async (_, shards) => {
    const files = offer(shards);
    files["model-00009-of-00009.safetensors"] = makeBytes(100, 9);
    const { path } = await resolve();
    const expected = [indexFile, "config.json", "tokenizer.json", ...shards];
    expect(await hashAll(path, expected)).toEqual(hashesOf(files, expected));
    expect(fetched().toSorted()).toEqual(shards.toSorted());
    const asked = hub.server.seen.length;
    expect(await resolve()).toMatchObject({ path, fetchedBytes: 0 });
    expect(await cachedModelPath(repositoryId, hub.options())).toBe(path);
    expect((await listCachedModels(hub.options()))[0]!.revisions[0]!.ids).toEqual([repositoryId]);
    expect(hub.server.seen.length).toBe(asked);
  });

  it("come from a mirror without a tree too", async () => {
    hub.server.hasTree = false;
    const files = offer(["a.safetensors", "b.safetensors"]);
    const { path } = await resolve();
    expect(await hashAll(path, ["a.safetensors", indexFile])).toEqual(
      hashesOf(files, ["a.safetensors", indexFile]),
    );
  });

  it("are left alone beside all of them in one", async () => {
    serve({ ...offer(["a.safetensors"]), "model.safetensors": whole! });
    expect(await readdir((await resolve()).path)).not.toContain(indexFile);
    expect(fetched()).toEqual(["model.safetensors"]);
  });

  it("a cache that an older version left without its index is healed", async () => {
    const shards = ["model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors"];
    const files = offer(shards);
    const { path } = await resolve();
    for (const lost of [indexFile, shards[1]!, "tokenizer.json"]) {
      await rm(`${path}/${lost}`);
      expect(await cachedModelPath(repositoryId, hub.options())).toBeUndefined();
      await expect(resolve({ offline: true })).rejects.toMatchObject({ code: "offline" });
      await resolve();
      expect(await hashAll(path, [indexFile, ...shards])).toEqual(hashesOf(files, [indexFile, ...shards]));
    }
  });
});

describe("refused before weights are fetched", () => {
  const index = (content: string | object) =>
    serve({
      ...described,
      [indexFile]: typeof content === "string" ? Buffer.from(content) : json(content),
      "a.safetensors": makeBytes(10, 1),
    });
  const config = (content: object) => serve({ ...checkpointFiles, "config.json": json(content) });
  const without = (name: string) =>
    serve(Object.fromEntries(Object.entries(checkpointFiles).filter(([path]) => path !== name)));

  it.each<[string, () => unknown, RegExp]>([
    [
      "files without an index",
      () => serve({ ...described, "model-00001-of-00001.safetensors": whole! }),
      /lacks model\.safetensors or .*index\.json \(it has model-00001-of-00001/,
    ],
    [
      "another layout",
      () => serve({ ...described, "consolidated.safetensors": whole! }),
      /lacks model\.safetensors or .*it has consolidated\.safetensors/,
    ],
    [
      "weights in a folder",
      () => serve({ ...described, "sub/model.safetensors": whole! }),
      /lacks model\.safetensors or/,
    ],
    [
      "a file that the index names and nobody has",
      () => offer(["a.safetensors", "b.safetensors"], ["a.safetensors"]),
      /names 2 files, and 1 of them are not there \(b\.safetensors\)/,
    ],
    ["an index that names none", () => index({ weight_map: {} }), /names no file/],
    ["an index that is none", () => index("{"), /damaged index: it is not JSON/],
    [
      "an index that leads out",
      () => index({ weight_map: { a: "../../a.safetensors" } }),
      /damaged index.*not the path/,
    ],
    ["no tokenizer", () => without("tokenizer.json"), /lacks tokenizer\.json/],
    ["no config", () => without("config.json"), /lacks config\.json/],
    [
      "a config that is none",
      () => serve({ ...checkpointFiles, "config.json": Buffer.from("[") }),
      /config\.json is not JSON/,
    ],
    [
      "quantised weights",
      () => config({ quantization_config: { quant_method: "gptq", bits: 4 } }),
      /^acme\/tiny is quantised with GPTQ, 4 bits/,
    ],
    [
      "GPTQ that config.json says nothing of",
      () => serve({ ...checkpointFiles, "quantize_config.json": json({}) }),
      /^acme\/tiny is quantised with GPTQ/,
    ],
    ["MLX", () => config({ quantization: { bits: 4 } }), /^acme\/tiny is quantised with MLX, 4 bits/],
  ])("%s", async (_, prepare, message) => {
    prepare();
    await expect(resolve()).rejects.toThrow(message);
    await expect(resolve({ refresh: true })).rejects.toThrow(message);
    expect(fetched()).toEqual([]);
    expect(await cachedModelPath(repositoryId, hub.options())).toBeUndefined();
    // The repository is mended: nothing stands in the way.
    serve(checkpointFiles);
    expect((await resolve()).path).toBe(hub.inCache("snapshots", latestCommit));
  });

  it("what the caller can't run", async () => {
    const seen: unknown[] = [];
    const checkConfig = (content: object, where: string) => {
      seen.push([content, where]);
      throw new TypeError("not this one");
    };
    await expect(resolve({ checkConfig })).rejects.toThrow(new TypeError("not this one"));
    expect(seen).toEqual([[JSON.parse(String(checkpointFiles["config.json"])), "acme/tiny/config.json"]]);
    expect(fetched()).toEqual([]);
  });
});
