import { lstat, mkdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  checkpointFiles,
  hashAll,
  hashesOf,
  latestCommit,
  makeBytes,
  olderCommit,
  pick,
  repositoryId,
  useHub,
  wantedFiles,
} from "@amulet-ts/testing/hub/hub-fixture";
import { blobNameOf, gitSha1, grantedToken } from "@amulet-ts/testing/hub/hub-server";
import { describe, expect, it } from "vitest";
import { type HubProgress, resolveModel } from "../../src/hub/index.js";

const hub = useHub();
const resolve = (id: string, more = {}) => resolveModel(id, hub.options(more));

describe("a model resolved from the hub", () => {
  it("is a folder of exactly what a checkpoint needs, byte for byte, over several pages of the listing", async () => {
    const { path, kind, commit, fetchedBytes } = await resolve(repositoryId);
    expect([path, kind, commit]).toEqual([hub.inCache("snapshots", latestCommit), "folder", latestCommit]);
    expect(await hashAll(path, wantedFiles)).toEqual(hashesOf(checkpointFiles, wantedFiles));
    expect(fetchedBytes).toBe(wantedFiles.reduce((sum, name) => sum + checkpointFiles[name]!.length, 0));
    expect(hub.server.seen.filter((one) => one.path.includes("cursor=")).length).toBe(3);
    expect(hub.server.downloads("content", "").length).toBe(1);
  });

  it("lies in the layout of Python's library", async () => {
    await resolve(repositoryId);
    expect(await readFile(hub.inCache("refs/main"), "utf8")).toBe(latestCommit);
    for (const name of wantedFiles) {
      const blob = blobNameOf(name, checkpointFiles[name]!);
      expect(await readlink(hub.inCache("snapshots", latestCommit, name))).toBe(join("../../blobs", blob));
      expect((await lstat(hub.inCache("blobs", blob))).isFile()).toBe(true);
    }
    // What `git hash-object` prints for these contents.
    expect(gitSha1(Buffer.from("hello\n"))).toBe("ce013625030ba8dba906f756967f9e9ca394464a");
  });

  it("costs no request the second time, and one commit's files only once", async () => {
    await resolve(repositoryId);
    const before = hub.server.seen.length;
    expect((await resolve(repositoryId)).fetchedBytes).toBe(0);
    expect((await resolve(`${repositoryId}@${latestCommit}`)).path).toBe(
      hub.inCache("snapshots", latestCommit),
    );
    expect(hub.server.seen.length).toBe(before);
  });

  it("remembers which optional files its repository lacks", async () => {
    hub.server.repositories["acme/bare"] = {
      commits: {
        [latestCommit]: pick(checkpointFiles, ["config.json", "tokenizer.json", "model.safetensors"]),
      },
      refs: { main: latestCommit },
    };
    await resolve("acme/bare");
    const before = hub.server.seen.length;
    await resolve("acme/bare");
    expect(hub.server.seen.length).toBe(before);
  });

  it("is found where another tool put it, the ref naming the commit", async () => {
    const blob = hub.inCache("blobs", "anything");
    await mkdir(hub.inCache("snapshots", latestCommit), { recursive: true });
    await mkdir(hub.inCache("blobs"));
    await mkdir(hub.inCache("refs"));
    await writeFile(hub.inCache("refs/main"), latestCommit);
    await writeFile(blob, "{}");
    for (const name of wantedFiles) await symlink(blob, hub.inCache("snapshots", latestCommit, name));
    expect((await resolve(repositoryId)).path).toBe(hub.inCache("snapshots", latestCommit));
    expect(hub.server.seen).toEqual([]);
    // A link whose blob is gone is no file.
    await rm(blob);
    await resolve(repositoryId);
    expect(await hashAll(hub.inCache("snapshots", latestCommit), wantedFiles)).toEqual(
      hashesOf(checkpointFiles, wantedFiles),
    );
  });

  it("shares unchanged blobs between revisions; a refresh moves the branch", async () => {
    const newer = { ...checkpointFiles, "config.json": Buffer.from('{"model_type":"qwen2"}') };
    await resolve(repositoryId);
    hub.server.repositories[repositoryId] = {
      commits: { [latestCommit]: checkpointFiles, [olderCommit]: newer },
      refs: { main: olderCommit, old: latestCommit },
    };
    expect((await resolve(repositoryId)).commit).toBe(latestCommit);
    const { commit, fetchedBytes } = await resolve(repositoryId, { refresh: true });
    expect([commit, fetchedBytes]).toEqual([olderCommit, newer["config.json"].length]);
    expect(await readFile(hub.inCache("refs/main"), "utf8")).toBe(olderCommit);
    expect((await resolve(`${repositoryId}@old`)).fetchedBytes).toBe(0);
    expect(await readFile(hub.inCache("refs/old"), "utf8")).toBe(latestCommit);
  });

  it("is the one GGUF file that is named, or the first of its parts", async () => {
    const parts = ["q/m-00001-of-00002.gguf", "q/m-00002-of-00002.gguf"];
    const files = {
      "a.gguf": makeBytes(500, 2),
      [parts[0]!]: makeBytes(400, 3),
      [parts[1]!]: makeBytes(300, 4),
    };
    hub.server.repositories["acme/tiny"] = {
      commits: { [latestCommit]: files },
      refs: { main: latestCommit },
    };
    expect(await resolve("acme/tiny:a.gguf")).toMatchObject({ kind: "gguf", fetchedBytes: 500 });
    const { path } = await resolve(`acme/tiny:${parts[0]}`);
    expect(path).toBe(hub.inCache("snapshots", latestCommit, parts[0]!));
    expect(await hashAll(hub.inCache("snapshots", latestCommit), parts)).toEqual(hashesOf(files, parts));
    await expect(resolve("acme/tiny")).rejects.toThrow(/name one.*\n.*acme\/tiny:a\.gguf/);
  });

  it("never shows its token to the content host", async () => {
    hub.server.repositories[repositoryId] = {
      commits: { [latestCommit]: checkpointFiles },
      refs: { main: latestCommit },
      gated: true,
    };
    await resolve(repositoryId, { token: grantedToken });
    const sent = (host: string) =>
      new Set(hub.server.seen.filter((one) => one.host === host).map((one) => one.headers.authorization));
    expect(sent("hub")).toEqual(new Set([`Bearer ${grantedToken}`]));
    expect(sent("content")).toEqual(new Set([undefined]));
  });

  it("comes from a mirror that lists names only, each file described by a HEAD", async () => {
    hub.server.hasTree = false;
    const { path } = await resolve(repositoryId);
    expect(await hashAll(path, wantedFiles)).toEqual(hashesOf(checkpointFiles, wantedFiles));
    expect(
      hub.server.seen.filter(({ method }) => method === "HEAD").every(({ host }) => host === "hub"),
    ).toBe(true);
    const blob = blobNameOf("model.safetensors", checkpointFiles["model.safetensors"]!);
    expect((await lstat(hub.inCache("blobs", blob))).size).toBe(300_000);
  });

  it("reports progress that only grows, and ends at the total", async () => {
    const seen: HubProgress[] = [];
    const { fetchedBytes } = await resolve(repositoryId, {
      onProgress: (progress: HubProgress) => seen.push(progress),
    });
    const overall = seen.map((one) => one.overallReceivedBytes);
    expect(overall).toEqual([...overall].sort((a, b) => a - b));
    expect(seen.at(-1)).toMatchObject({
      overallReceivedBytes: fetchedBytes,
      overallTotalBytes: fetchedBytes,
      fetchedBytes,
    });
    expect(new Set(seen.map(({ file }) => file))).toEqual(new Set(wantedFiles));
    expect(seen.every(({ receivedBytes, totalBytes }) => receivedBytes <= totalBytes)).toBe(true);
  });
});

describe("without a network", () => {
  const offline = { offline: true };

  it("a cached model is used, and one that is not is refused without a request", async () => {
    await expect(resolve(repositoryId, offline)).rejects.toMatchObject({
      code: "offline",
      message: expect.stringMatching(/not whole in the cache/),
    });
    expect(hub.server.seen).toEqual([]);
    await resolve(repositoryId);
    const before = hub.server.seen.length;
    expect((await resolve(repositoryId, offline)).path).toBe(hub.inCache("snapshots", latestCommit));
    await rm(hub.inCache("snapshots", latestCommit, "model.safetensors"));
    await expect(resolve(repositoryId, offline)).rejects.toMatchObject({ code: "offline" });
    expect(hub.server.seen.length).toBe(before);
  });

  it("a cached model that may lack optional files is used when the hub cannot be reached", async () => {
    await resolve(repositoryId);
    await rm(hub.inCache("snapshots", latestCommit, "chat_template.jinja"));
    await hub.server.stop();
    expect((await resolve(repositoryId)).commit).toBe(latestCommit);
    await expect(resolve(repositoryId, { refresh: true })).rejects.toMatchObject({
      code: "offline",
      message: expect.stringMatching(/No connection to 127\.0\.0\.1:\d+ \(ECONNREFUSED\).*HF_ENDPOINT/),
    });
  });
});
