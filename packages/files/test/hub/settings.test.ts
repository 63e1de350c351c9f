import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cacheFolder, readSettings } from "../../src/hub/settings.js";

const elsewhere = { HF_HOME: join(tmpdir(), "no-such-home") };
const read = (environment: Record<string, string>) =>
  readSettings({ environment: { ...elsewhere, ...environment } });

describe("the hub's environment", () => {
  it.each([
    [{}, join(homedir(), ".cache/huggingface/hub")],
    [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/x", HF_HOME: "~/hf" }, join(homedir(), "hf/hub")],
    [{ HF_HOME: "/home", HF_HUB_CACHE: "/cache" }, "/cache"],
    [{ HF_HUB_CACHE: "" }, join(homedir(), ".cache/huggingface/hub")],
  ])("%j keeps models in %s", (environment, folder) => {
    expect(cacheFolder({ environment })).toBe(folder);
    expect(cacheFolder({ environment, cacheFolder: "/mine" })).toBe("/mine");
  });

  it("names the endpoint, without a slash behind it, and refuses what is none", async () => {
    expect((await read({})).endpoint).toBe("https://huggingface.co");
    expect((await read({ HF_ENDPOINT: "http://mirror/hub/" })).endpoint).toBe("http://mirror/hub");
    await expect(read({ HF_ENDPOINT: "mirror" })).rejects.toThrow(/must be an http\(s\) URL, not "mirror"/);
  });

  it.each([
    ["1", true],
    ["true", true],
    ["ON", true],
    ["yes", true],
    ["0", false],
    ["", false],
  ])("HF_HUB_OFFLINE=%j means %j", async (HF_HUB_OFFLINE, offline) => {
    expect((await read({ HF_HUB_OFFLINE })).offline).toBe(offline);
  });

  it.each([
    [undefined, 10_000],
    ["3", 3000],
    ["0.5", 500],
    ["", 10_000],
    ["-1", 10_000],
    ["soon", 10_000],
    ["1e9", 10_000],
  ])("HF_HUB_ETAG_TIMEOUT=%j: an answer may take %i ms", async (seconds, milliseconds) => {
    const environment = seconds === undefined ? {} : { HF_HUB_ETAG_TIMEOUT: seconds };
    expect((await read(environment)).metadataMilliseconds).toBe(milliseconds);
  });

  it("gives the token: the option, HF_TOKEN, then the file a login wrote", async () => {
    const home = await mkdtemp(join(tmpdir(), "hub-"));
    await writeFile(join(home, "token"), "from-file\n");
    const environment = { HF_HOME: home };
    expect((await readSettings({ environment })).token).toBe("from-file");
    expect((await readSettings({ environment: { ...environment, HF_TOKEN: "from-env" } })).token).toBe(
      "from-env",
    );
    expect((await readSettings({ environment, token: "given" })).token).toBe("given");
    expect((await read({})).token).toBeUndefined();
    await rm(home, { recursive: true });
  });

  it("never lets a token break the header it travels in", async () => {
    await expect(read({ HF_TOKEN: "a\r\nX-Other: b" })).rejects.toThrow(/Check HF_TOKEN/);
  });
});
