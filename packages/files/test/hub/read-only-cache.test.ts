/** A cache that can't be written: a whole model in it is used, and otherwise a sentence says so. */
import { chmod, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  checkpointFiles,
  latestCommit,
  olderCommit,
  repositoryId,
  useHub,
} from "@amulet-ts/testing/hub/hub-fixture";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listCachedModels, removeCachedModel, resolveModel } from "../../src/hub/index.js";

const hub = useHub();
const resolve = (more = {}) => resolveModel(repositoryId, hub.options(more));
const isRoot = process.getuid?.() === 0;
/** Nobody's id: whoever may do everything is let do everything. */
const nobody = 65_534;

async function setModes(folder: string, mode: number): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await setModes(join(folder, entry.name), mode);
  await chmod(folder, mode);
}

/** Makes the cache read-only, for this user too. */
async function close(): Promise<void> {
  await setModes(hub.cache, 0o555);
  if (isRoot) process.seteuid!(nobody);
}

async function reopen(): Promise<void> {
  if (isRoot) process.seteuid!(0);
  await setModes(hub.cache, 0o755);
}

describe.skipIf(process.platform === "win32")("a read-only cache (Windows has no such modes)", () => {
  afterEach(reopen);

  describe("with a whole model", () => {
    beforeEach(async () => {
      await resolve();
      await rm(hub.inCache(".no_exist"), { recursive: true, force: true });
    });

    it("of which it is known that it is", async () => {
      await close();
      expect(await resolve()).toMatchObject({ commit: latestCommit, fetchedBytes: 0 });
    });

    it.each(["README.md", "chat_template.jinja"])("without %s, which the hub may have", async (name) => {
      await rm(hub.inCache("snapshots", latestCommit, name), { force: true });
      hub.server.repositories[repositoryId] = {
        commits: {
          [latestCommit]:
            name === "README.md" ? checkpointFiles : { ...checkpointFiles, [name]: Buffer.from("other") },
        },
        refs: { main: latestCommit },
      };
      await close();
      expect(await resolve()).toMatchObject({
        path: hub.inCache("snapshots", latestCommit),
        fetchedBytes: 0,
      });
    });

    it("as `hf download` leaves it, absences not noted and optional files absent on the hub too", async () => {
      const { "chat_template.jinja": _, "special_tokens_map.json": __, ...files } = checkpointFiles;
      for (const name of ["chat_template.jinja", "special_tokens_map.json"])
        await rm(hub.inCache("snapshots", latestCommit, name));
      hub.server.repositories[repositoryId] = {
        commits: { [latestCommit]: files as typeof checkpointFiles },
        refs: { main: latestCommit },
      };
      await close();
      expect(await resolve()).toMatchObject({ commit: latestCommit, fetchedBytes: 0 });
      // A refresh finds that there is nothing newer.
      expect(await resolve({ refresh: true })).toMatchObject({ commit: latestCommit, fetchedBytes: 0 });
    });

    it("that is older than the hub's: used, and a refresh says why it can't be replaced", async () => {
      await rm(hub.inCache("snapshots", latestCommit, "chat_template.jinja"));
      hub.server.repositories[repositoryId] = {
        commits: {
          [olderCommit]: { ...checkpointFiles, "config.json": Buffer.from('{"model_type":"gpt2"}') },
        },
        refs: { main: olderCommit },
      };
      await close();
      expect((await resolve()).commit).toBe(latestCommit);
      await expect(resolve({ refresh: true })).rejects.toMatchObject({
        code: "hub",
        message: expect.stringMatching(
          /The cache .* can't be read or written \(EACCES\): name a folder that can be with HF_HUB_CACHE/,
        ),
      });
    });

    it("can't be removed, which is said", async () => {
      await close();
      await expect(removeCachedModel(repositoryId, hub.options())).rejects.toMatchObject({
        code: "hub",
        message: expect.stringMatching(/can't be read or written \(EACCES\).*HF_HUB_CACHE/),
      });
    });
  });

  it("with nothing in it: a sentence that names the variable", async () => {
    await close();
    await expect(resolve()).rejects.toMatchObject({
      code: "hub",
      message: expect.stringMatching(
        /can't be read or written \(EACCES\).*HF_HUB_CACHE, or change its permissions/,
      ),
    });
  });

  it("that can't be read: a sentence, not an empty list", async () => {
    await resolve();
    await chmod(hub.cache, 0);
    if (isRoot) process.seteuid!(nobody);
    await expect(listCachedModels(hub.options())).rejects.toThrow(
      /can't be read or written \(EACCES\).*HF_HUB_CACHE/,
    );
    if (isRoot) process.seteuid!(0);
    await chmod(hub.cache, 0o755);
    expect(await listCachedModels(hub.options())).toHaveLength(1);
  });

  it("that is no folder, or below a file: a sentence too", async () => {
    await writeFile(join(hub.cache, "file"), "");
    for (const cacheFolder of [join(hub.cache, "file"), join(hub.cache, "file/below")])
      await expect(resolve({ cacheFolder })).rejects.toThrow(
        /can't be used \((ENOTDIR|EEXIST)\).*HF_HUB_CACHE/,
      );
  });
});

describe("another trouble of the disk is a sentence too", () => {
  it.each([
    ["ENOSPC", /is on a disk that is full \(ENOSPC\): make room .*HF_HUB_CACHE/],
    ["EDQUOT", /is on a disk that is full \(EDQUOT\)/],
    ["EROFS", /can't be read or written \(EROFS\)/],
    ["EIO", /can't be used \(EIO\)/],
  ])("%s", async (code, message) => {
    const trouble = Object.assign(new Error(`${code}: as Node says it`), { code, syscall: "write" });
    const freeBytes = () => Promise.reject(trouble);
    await expect(resolve({ freeBytes })).rejects.toMatchObject({
      code: "hub",
      message: expect.stringMatching(message),
    });
  });
});
