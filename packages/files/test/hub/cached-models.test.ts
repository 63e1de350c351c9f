import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  checkpointFiles,
  latestCommit,
  makeBytes,
  olderCommit,
  repositoryId,
  useHub,
  wantedFiles,
} from "@amulet-ts/testing/hub/hub-fixture";
import { sha256 } from "@amulet-ts/testing/hub/hub-server";
import { describe, expect, it, onTestFinished } from "vitest";
import { cachedModelPath, listCachedModels, removeCachedModel, resolveModel } from "../../src/hub/index.js";

const hub = useHub();
const config = Buffer.from('{"model_type":"qwen2"}');
const bytesOf = (names: readonly string[]) =>
  names.reduce((sum, name) => sum + checkpointFiles[name]!.length, 0);
/** A ref is a file too: 40 bytes for a commit. */
const ref = 40;

/** Two revisions that differ in config.json, and a repository of two GGUF files. */
async function fillCache(): Promise<void> {
  hub.server.repositories[repositoryId] = {
    commits: {
      [latestCommit]: checkpointFiles,
      [olderCommit]: { ...checkpointFiles, "config.json": config },
    },
    refs: { main: latestCommit, "refs/pr/1": olderCommit },
  };
  const ggufs = { "a.gguf": makeBytes(500, 1), "b.gguf": makeBytes(700, 2) };
  hub.server.repositories["acme/quants"] = {
    commits: { [latestCommit]: ggufs },
    refs: { main: latestCommit },
  };
  for (const id of [repositoryId, `${repositoryId}@refs/pr/1`, "acme/quants:a.gguf", "acme/quants:b.gguf"])
    await resolveModel(id, hub.options());
}

const list = () => listCachedModels(hub.options());
const remove = (id: string) => removeCachedModel(id, hub.options());

describe("the models in the cache", () => {
  it("are none where there is no cache", async () => {
    expect(await listCachedModels(hub.options({ cacheFolder: join(hub.cache, "nowhere") }))).toEqual([]);
  });

  it("are listed with the ids that load them, and each content counted once", async () => {
    await fillCache();
    await mkdir(join(hub.cache, "datasets--acme--words"));
    const [quants, tiny, ...more] = await list();
    expect(more).toEqual([]);
    expect(quants).toMatchObject({ repository: "acme/quants", bytes: 1200 + ref });
    expect(quants!.revisions[0]!.ids).toEqual(["acme/quants:a.gguf", "acme/quants:b.gguf"]);
    expect(tiny).toMatchObject({
      repository: repositoryId,
      bytes: bytesOf(wantedFiles) + config.length + 2 * ref,
    });
    expect(tiny!.revisions.map(({ commit, refs, ids }) => ({ commit, refs, ids }))).toEqual([
      { commit: latestCommit, refs: ["main"], ids: [repositoryId] },
      { commit: olderCommit, refs: ["refs/pr/1"], ids: [`${repositoryId}@refs/pr/1`] },
    ]);
    expect(tiny!.revisions[0]!.files.map(({ path }) => path)).toEqual(wantedFiles);
  });

  it("have the path that resolving gives, and none when they are not whole", async () => {
    await fillCache();
    for (const { revisions } of await list())
      for (const id of revisions.flatMap(({ ids }) => ids)) {
        expect(await cachedModelPath(id, hub.options())).toBe((await resolveModel(id, hub.options())).path);
      }
    expect(await cachedModelPath("acme/quants", hub.options())).toBeUndefined();
    expect(await cachedModelPath("acme/quants:c.gguf", hub.options())).toBeUndefined();
    expect(await cachedModelPath(`${repositoryId}@v9`, hub.options())).toBeUndefined();
  });
});

describe("removing", () => {
  it("a revision frees what no other shows, and leaves the other whole", async () => {
    await fillCache();
    expect(await remove(`${repositoryId}@refs/pr/1`)).toEqual({
      freedBytes: config.length + ref,
      commits: [olderCommit],
    });
    expect((await resolveModel(repositoryId, hub.options({ offline: true }))).commit).toBe(latestCommit);
    expect(await readdir(hub.inCache("refs"))).toEqual(["main"]);
  });

  it("the last revision leaves nothing", async () => {
    await fillCache();
    await remove(`${repositoryId}@refs/pr/1`);
    expect((await remove(`${repositoryId}@main`)).freedBytes).toBe(bytesOf(wantedFiles) + ref);
    expect(await readdir(hub.cache)).not.toContain("models--acme--tiny");
  });

  it("a repository removes every revision, a beginning included, and no other repository", async () => {
    await fillCache();
    await writeFile(hub.inCache("blobs/x.amulet.incomplete"), "begun");
    const { freedBytes } = await remove(repositoryId);
    expect(freedBytes).toBe(bytesOf(wantedFiles) + config.length + 2 * ref + 5);
    expect((await list()).map(({ repository }) => repository)).toEqual(["acme/quants"]);
  });

  it("a GGUF file leaves its neighbour", async () => {
    await fillCache();
    expect((await remove("acme/quants:a.gguf")).freedBytes).toBe(500);
    const left = await cachedModelPath("acme/quants:b.gguf", hub.options());
    expect(sha256(await readFile(left!))).toBe(sha256(makeBytes(700, 2)));
    expect(await cachedModelPath("acme/quants:a.gguf", hub.options())).toBeUndefined();
  });

  it.each(["acme/none", `${repositoryId}@v9`, "acme/quants:c.gguf"])(
    "%s, which is not there, is an error",
    async (id) => {
      await fillCache();
      await expect(remove(id)).rejects.toMatchObject({
        code: "file-not-found",
        message: expect.stringContaining(id),
      });
    },
  );

  it("waits for no download: it refuses while one runs", async () => {
    let removal: Promise<unknown> | undefined;
    const onProgress = () => {
      removal ??= remove(repositoryId).catch((error: Error) => error.message);
    };
    await resolveModel(repositoryId, hub.options({ onProgress }));
    expect(await removal).toMatch(/is being downloaded/);
  });
});

describe("removing follows no link", () => {
  /** A folder of somebody else's, with something in it, and a link to it in the place of a folder of the cache. */
  async function linkAway(path: string, content: Record<string, string>): Promise<string> {
    const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"));
    onTestFinished(() => rm(elsewhere, { recursive: true, force: true }));
    for (const [name, text] of Object.entries(content)) {
      await mkdir(dirname(join(elsewhere, name)), { recursive: true });
      await writeFile(join(elsewhere, name), text);
    }
    await rm(path, { recursive: true, force: true });
    await mkdir(dirname(path), { recursive: true });
    await symlink(elsewhere, path);
    return elsewhere;
  }

  const own = { "precious.txt": "mine", "config.json": "{}", "deep/a.gguf": "mine" };
  const isWhole = async (folder: string, content: Record<string, string> = own) => {
    for (const [name, text] of Object.entries(content))
      expect(await readFile(join(folder, name), "utf8")).toBe(text);
  };

  it.each([repositoryId, `${repositoryId}@${latestCommit}`, `${repositoryId}@main`])(
    "snapshots/latestCommit: %s removes the link alone",
    async (id) => {
      await fillCache();
      const elsewhere = await linkAway(hub.inCache("snapshots", latestCommit), own);
      const { commits } = await remove(id);
      expect(commits).toContain(latestCommit);
      await isWhole(elsewhere);
      await expect(lstat(hub.inCache("snapshots", latestCommit))).rejects.toThrow(/ENOENT/);
    },
  );

  it.each(["snapshots", "refs", "blobs", ".no_exist"])("%s, with all of the repository", async (name) => {
    await fillCache();
    const content = { [`${latestCommit}/precious.txt`]: "mine", [latestCommit]: "", main: latestCommit };
    delete (content as Record<string, string>)[
      name === "snapshots" ? latestCommit : `${latestCommit}/precious.txt`
    ];
    const elsewhere = await linkAway(hub.inCache(name), content);
    await remove(repositoryId);
    await isWhole(elsewhere, content);
    expect(await readdir(hub.cache)).not.toContain("models--acme--tiny");
  });

  it.each(["refs", "blobs"])("%s, with one revision", async (name) => {
    await fillCache();
    const elsewhere = await linkAway(hub.inCache(name), { ...own, "refs/pr/1": olderCommit });
    await remove(`${repositoryId}@${olderCommit}`);
    await isWhole(elsewhere, { ...own, "refs/pr/1": olderCommit });
  });

  it("the repository itself: the link goes", async () => {
    await fillCache();
    const content = {
      [`snapshots/${latestCommit}/config.json`]: "{}",
      "blobs/x": "mine",
      "refs/main": latestCommit,
    };
    const elsewhere = await linkAway(hub.inCache(), content);
    for (const id of [`${repositoryId}@main`, `${repositoryId}:a.gguf`])
      await expect(remove(id)).rejects.toThrow(
        /is a link to elsewhere, which is not followed here: remove it there/,
      );
    expect(await remove(repositoryId)).toEqual({ freedBytes: 0, commits: [] });
    await isWhole(elsewhere, content);
    await expect(lstat(hub.inCache())).rejects.toThrow(/ENOENT/);
  });

  it("folders and files inside a snapshot: the links go", async () => {
    await fillCache();
    const elsewhere = await linkAway(hub.inCache("snapshots", latestCommit, "more"), own);
    await symlink(join(elsewhere, "precious.txt"), hub.inCache("snapshots", latestCommit, "b.gguf"));
    await expect(remove(`${repositoryId}:more/deep/a.gguf`)).rejects.toMatchObject({
      code: "file-not-found",
    });
    await remove(`${repositoryId}:b.gguf`);
    await isWhole(elsewhere);
    await remove(`${repositoryId}@main`);
    await isWhole(elsewhere);
  });

  it("the locks", async () => {
    await fillCache();
    const content = { "models--acme--tiny/precious.lock": "mine" };
    const elsewhere = await linkAway(join(hub.cache, ".locks"), content);
    await remove(repositoryId);
    await isWhole(elsewhere, content);
  });

  it("one GGUF file of a snapshot that lies elsewhere is refused", async () => {
    await fillCache();
    const elsewhere = await linkAway(join(hub.cache, "models--acme--quants/snapshots", latestCommit), {
      "a.gguf": "mine",
    });
    await expect(remove("acme/quants:a.gguf")).rejects.toThrow(/is a link to elsewhere/);
    await isWhole(elsewhere, { "a.gguf": "mine" });
  });
});
