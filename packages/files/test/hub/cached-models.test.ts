import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  CHECKPOINT,
  COMMIT,
  makeBytes,
  OLDER,
  REPOSITORY,
  useHub,
  WANTED,
} from "@amulet-ts/testing/hub/hub-fixture";
import { sha256 } from "@amulet-ts/testing/hub/hub-server";
import { describe, expect, it, onTestFinished } from "vitest";
import { cachedModelPath, listCachedModels, removeCachedModel, resolveModel } from "../../src/hub/index.js";

const hub = useHub();
const CONFIG = Buffer.from('{"model_type":"qwen2"}');
const bytesOf = (names: readonly string[]) => names.reduce((sum, name) => sum + CHECKPOINT[name]!.length, 0);
/** A ref is a file too: 40 bytes for a commit. */
const REF = 40;

/** Two revisions that differ in config.json, and a repository of two GGUF files. */
async function fillCache(): Promise<void> {
  hub.server.repositories[REPOSITORY] = {
    commits: { [COMMIT]: CHECKPOINT, [OLDER]: { ...CHECKPOINT, "config.json": CONFIG } },
    refs: { main: COMMIT, "refs/pr/1": OLDER },
  };
  const ggufs = { "a.gguf": makeBytes(500, 1), "b.gguf": makeBytes(700, 2) };
  hub.server.repositories["acme/quants"] = { commits: { [COMMIT]: ggufs }, refs: { main: COMMIT } };
  for (const id of [REPOSITORY, `${REPOSITORY}@refs/pr/1`, "acme/quants:a.gguf", "acme/quants:b.gguf"])
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
    expect(quants).toMatchObject({ repository: "acme/quants", bytes: 1200 + REF });
    expect(quants!.revisions[0]!.ids).toEqual(["acme/quants:a.gguf", "acme/quants:b.gguf"]);
    expect(tiny).toMatchObject({ repository: REPOSITORY, bytes: bytesOf(WANTED) + CONFIG.length + 2 * REF });
    expect(tiny!.revisions.map(({ commit, refs, ids }) => ({ commit, refs, ids }))).toEqual([
      { commit: COMMIT, refs: ["main"], ids: [REPOSITORY] },
      { commit: OLDER, refs: ["refs/pr/1"], ids: [`${REPOSITORY}@refs/pr/1`] },
    ]);
    expect(tiny!.revisions[0]!.files.map(({ path }) => path)).toEqual(WANTED);
  });

  it("have the path that resolving gives, and none when they are not whole", async () => {
    await fillCache();
    for (const { revisions } of await list())
      for (const id of revisions.flatMap(({ ids }) => ids)) {
        expect(await cachedModelPath(id, hub.options())).toBe((await resolveModel(id, hub.options())).path);
      }
    expect(await cachedModelPath("acme/quants", hub.options())).toBeUndefined();
    expect(await cachedModelPath("acme/quants:c.gguf", hub.options())).toBeUndefined();
    expect(await cachedModelPath(`${REPOSITORY}@v9`, hub.options())).toBeUndefined();
  });
});

describe("removing", () => {
  it("a revision frees what no other shows, and leaves the other whole", async () => {
    await fillCache();
    expect(await remove(`${REPOSITORY}@refs/pr/1`)).toEqual({
      freedBytes: CONFIG.length + REF,
      commits: [OLDER],
    });
    expect((await resolveModel(REPOSITORY, hub.options({ offline: true }))).commit).toBe(COMMIT);
    expect(await readdir(hub.inCache("refs"))).toEqual(["main"]);
  });

  it("the last revision leaves nothing", async () => {
    await fillCache();
    await remove(`${REPOSITORY}@refs/pr/1`);
    expect((await remove(`${REPOSITORY}@main`)).freedBytes).toBe(bytesOf(WANTED) + REF);
    expect(await readdir(hub.cache)).not.toContain("models--acme--tiny");
  });

  it("a repository removes every revision, a beginning included, and no other repository", async () => {
    await fillCache();
    await writeFile(hub.inCache("blobs/x.amulet.incomplete"), "begun");
    const { freedBytes } = await remove(REPOSITORY);
    expect(freedBytes).toBe(bytesOf(WANTED) + CONFIG.length + 2 * REF + 5);
    expect((await list()).map(({ repository }) => repository)).toEqual(["acme/quants"]);
  });

  it("a GGUF file leaves its neighbour", async () => {
    await fillCache();
    expect((await remove("acme/quants:a.gguf")).freedBytes).toBe(500);
    const left = await cachedModelPath("acme/quants:b.gguf", hub.options());
    expect(sha256(await readFile(left!))).toBe(sha256(makeBytes(700, 2)));
    expect(await cachedModelPath("acme/quants:a.gguf", hub.options())).toBeUndefined();
  });

  it.each(["acme/none", `${REPOSITORY}@v9`, "acme/quants:c.gguf"])(
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
      removal ??= remove(REPOSITORY).catch((error: Error) => error.message);
    };
    await resolveModel(REPOSITORY, hub.options({ onProgress }));
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

  it.each([REPOSITORY, `${REPOSITORY}@${COMMIT}`, `${REPOSITORY}@main`])(
    "snapshots/COMMIT: %s removes the link alone",
    async (id) => {
      await fillCache();
      const elsewhere = await linkAway(hub.inCache("snapshots", COMMIT), own);
      const { commits } = await remove(id);
      expect(commits).toContain(COMMIT);
      await isWhole(elsewhere);
      await expect(lstat(hub.inCache("snapshots", COMMIT))).rejects.toThrow(/ENOENT/);
    },
  );

  it.each(["snapshots", "refs", "blobs", ".no_exist"])("%s, with all of the repository", async (name) => {
    await fillCache();
    const content = { [`${COMMIT}/precious.txt`]: "mine", [COMMIT]: "", main: COMMIT };
    delete (content as Record<string, string>)[name === "snapshots" ? COMMIT : `${COMMIT}/precious.txt`];
    const elsewhere = await linkAway(hub.inCache(name), content);
    await remove(REPOSITORY);
    await isWhole(elsewhere, content);
    expect(await readdir(hub.cache)).not.toContain("models--acme--tiny");
  });

  it.each(["refs", "blobs"])("%s, with one revision", async (name) => {
    await fillCache();
    const elsewhere = await linkAway(hub.inCache(name), { ...own, "refs/pr/1": OLDER });
    await remove(`${REPOSITORY}@${OLDER}`);
    await isWhole(elsewhere, { ...own, "refs/pr/1": OLDER });
  });

  it("the repository itself: the link goes", async () => {
    await fillCache();
    const content = { [`snapshots/${COMMIT}/config.json`]: "{}", "blobs/x": "mine", "refs/main": COMMIT };
    const elsewhere = await linkAway(hub.inCache(), content);
    for (const id of [`${REPOSITORY}@main`, `${REPOSITORY}:a.gguf`])
      await expect(remove(id)).rejects.toThrow(
        /is a link to elsewhere, which is not followed here: remove it there/,
      );
    expect(await remove(REPOSITORY)).toEqual({ freedBytes: 0, commits: [] });
    await isWhole(elsewhere, content);
    await expect(lstat(hub.inCache())).rejects.toThrow(/ENOENT/);
  });

  it("folders and files inside a snapshot: the links go", async () => {
    await fillCache();
    const elsewhere = await linkAway(hub.inCache("snapshots", COMMIT, "more"), own);
    await symlink(join(elsewhere, "precious.txt"), hub.inCache("snapshots", COMMIT, "b.gguf"));
    await expect(remove(`${REPOSITORY}:more/deep/a.gguf`)).rejects.toMatchObject({ code: "file-not-found" });
    await remove(`${REPOSITORY}:b.gguf`);
    await isWhole(elsewhere);
    await remove(`${REPOSITORY}@main`);
    await isWhole(elsewhere);
  });

  it("the locks", async () => {
    await fillCache();
    const content = { "models--acme--tiny/precious.lock": "mine" };
    const elsewhere = await linkAway(join(hub.cache, ".locks"), content);
    await remove(REPOSITORY);
    await isWhole(elsewhere, content);
  });

  it("one GGUF file of a snapshot that lies elsewhere is refused", async () => {
    await fillCache();
    const elsewhere = await linkAway(join(hub.cache, "models--acme--quants/snapshots", COMMIT), {
      "a.gguf": "mine",
    });
    await expect(remove("acme/quants:a.gguf")).rejects.toThrow(/is a link to elsewhere/);
    await isWhole(elsewhere, { "a.gguf": "mine" });
  });
});
