import { link, lstat, symlink } from "node:fs/promises";
import {
  checkpointFiles,
  hashAll,
  hashesOf,
  latestCommit,
  repositoryId,
  useHub,
  wantedFiles,
} from "@amulet-ts/testing/hub/hub-fixture";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { removeCachedModel, resolveModel } from "../../src/hub/index.js";

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return { ...real, symlink: vi.fn(real.symlink), link: vi.fn(real.link) };
});

const hub = useHub();
const refuse = () => Promise.reject(new Error("EPERM"));

beforeEach(() => {
  vi.mocked(symlink).mockImplementation(refuse);
});

describe("where symbolic links are not allowed", () => {
  it.each([
    ["hard links", false],
    ["copies", true],
  ])(
    "a snapshot holds %s, which load, are not fetched again, and are removed",
    async (_name, alsoHardLinks) => {
      if (alsoHardLinks) vi.mocked(link).mockImplementation(refuse);
      const { path } = await resolveModel(repositoryId, hub.options());
      expect((await lstat(`${path}/config.json`)).isFile()).toBe(true);
      expect(await hashAll(path, wantedFiles)).toEqual(hashesOf(checkpointFiles, wantedFiles));
      expect((await resolveModel(repositoryId, hub.options({ refresh: true }))).fetchedBytes).toBe(0);
      const once = wantedFiles.reduce((sum, name) => sum + checkpointFiles[name]!.length, 0);
      const { freedBytes } = await removeCachedModel(`${repositoryId}@${latestCommit}`, hub.options());
      expect(freedBytes).toBe((alsoHardLinks ? 2 * once : once) + latestCommit.length);
    },
  );
});
