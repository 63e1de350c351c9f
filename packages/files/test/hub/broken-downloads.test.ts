import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import {
  checkpointFiles,
  latestCommit,
  makeBytes,
  repositoryId,
  useHub,
} from "@amulet-ts/testing/hub/hub-fixture";
import { type Fault, type SeenRequest, sha256 } from "@amulet-ts/testing/hub/hub-server";
import { describe, expect, it } from "vitest";
import { readRetryAfter } from "../../src/http/retry-after.js";
import { type HubProgress, resolveModel } from "../../src/hub/index.js";

const hub = useHub();
const resolve = (more = {}) => resolveModel(repositoryId, hub.options(more));
const weights = checkpointFiles["model.safetensors"]!;
const blob = sha256(weights);

/** The faults come one after the other at the content host, then everything works. */
function breakContent(...faults: Fault[]): void {
  hub.server.fault = ({ host }) => (host === "content" ? faults.shift() : undefined);
}

const ranges = () => hub.server.downloads("content", "").map(({ headers }) => headers.range);
const hashWeights = async () =>
  sha256(await readFile(hub.inCache("snapshots", latestCommit, "model.safetensors")));
const leftovers = async () =>
  (await readdir(hub.inCache("blobs"))).filter((name) => name.includes("incomplete"));

describe("a connection that breaks", () => {
  it("is continued where it stopped", async () => {
    breakContent({ cutAfter: 100_000 }, { cutAfter: 50_000 });
    const { fetchedBytes } = await resolve();
    expect(ranges()).toEqual([undefined, "bytes=100000-", "bytes=150000-"]);
    expect(await hashWeights()).toBe(blob);
    expect(fetchedBytes).toBeLessThan(weights.length + 10_000);
    expect(await leftovers()).toEqual([]);
  });

  it("for good ends in one sentence and keeps what came; the next call continues there", async () => {
    hub.server.fault = ({ host }) => (host === "content" ? { cutAfter: 10_000 } : undefined);
    await expect(resolve()).rejects.toMatchObject({
      code: "offline",
      message: expect.stringMatching(/No connection to/),
    });
    expect(hub.pauses).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(await leftovers()).toEqual([`${blob}.amulet.incomplete`]);
    const progress: HubProgress[] = [];
    hub.server.fault = () => undefined;
    await resolve({ onProgress: (one: HubProgress) => progress.push(one) });
    expect(ranges().at(-1)).toBe("bytes=60000-");
    expect(progress[0]!.receivedBytes).toBe(60_000);
    expect(progress.at(-1)!.fetchedBytes).toBe(weights.length - 60_000);
    expect(await hashWeights()).toBe(blob);
  });

  it("has its attempts counted anew after each MiB", async () => {
    const large = { ...checkpointFiles, "model.safetensors": makeBytes(8 * 2 ** 20, 5) };
    hub.server.repositories[repositoryId] = {
      commits: { [latestCommit]: large },
      refs: { main: latestCommit },
    };
    hub.server.fault = ({ host }) => (host === "content" ? { cutAfter: 2 ** 20 } : undefined);
    await resolve();
    expect(await hashWeights()).toBe(sha256(large["model.safetensors"]));
  });

  it("that only stalls counts as broken", async () => {
    breakContent({ silentAfter: 100_000 });
    await resolve({ stallMilliseconds: 200 });
    expect(ranges()).toEqual([undefined, "bytes=100000-"]);
    expect(await hashWeights()).toBe(blob);
  });

  it("starts anew at a server that ignores ranges", async () => {
    breakContent({ cutAfter: 100_000 }, { ignoreRange: true });
    await resolve();
    expect(ranges()).toEqual([undefined, "bytes=100000-"]);
    expect(await hashWeights()).toBe(blob);
  });

  it("ended by the caller keeps what came and leaves no lock", async () => {
    breakContent({ silentAfter: 100_000 });
    const abort = new AbortController();
    const onProgress = ({ file, receivedBytes }: HubProgress) => {
      if (file === "model.safetensors" && receivedBytes === 100_000) abort.abort(new Error("enough"));
    };
    await expect(resolve({ signal: abort.signal, onProgress })).rejects.toThrow("enough");
    expect(await readdir(`${hub.cache}/.locks/models--acme--tiny`)).toEqual([]);
    await resolve();
    expect(ranges().at(-1)).toBe("bytes=100000-");
    expect(await hashWeights()).toBe(blob);
  });
});

describe("damaged content", () => {
  it("is fetched whole once more", async () => {
    breakContent({ corrupt: true });
    await resolve();
    expect(ranges()).toEqual([undefined, undefined]);
    expect(await hashWeights()).toBe(blob);
  });

  it("twice is refused with both hashes, and nothing of it stays", async () => {
    breakContent({ corrupt: true }, { corrupt: true });
    const message = new RegExp(`model\\.safetensors came damaged twice.*sha256 should be ${blob}`);
    await expect(resolve()).rejects.toMatchObject({ code: "hub", message: expect.stringMatching(message) });
    expect(await leftovers()).toEqual([]);
    expect(await readdir(hub.inCache("blobs"))).not.toContain(blob);
    await expect(readFile(hub.inCache("refs/main"))).rejects.toThrow("ENOENT");
  });

  it("of a small file is seen by git's sha1", async () => {
    const faults: Fault[] = [{ corrupt: true }, { corrupt: true }];
    hub.server.fault = ({ path }) => (path.endsWith("/config.json") ? faults.shift() : undefined);
    await expect(resolve()).rejects.toThrow(/config\.json came damaged twice: its git sha1/);
  });

  it("in a beginning left by an earlier attempt is found and replaced", async () => {
    await mkdir(hub.inCache("blobs"), { recursive: true });
    await writeFile(hub.inCache("blobs", `${blob}.amulet.incomplete`), makeBytes(1000, 9));
    await resolve();
    expect(ranges()).toEqual(["bytes=1000-", undefined]);
    expect(await hashWeights()).toBe(blob);
  });

  it("longer than the file is replaced", async () => {
    await mkdir(hub.inCache("blobs"), { recursive: true });
    await writeFile(hub.inCache("blobs", `${blob}.amulet.incomplete`), makeBytes(weights.length + 1, 9));
    await resolve();
    expect(await hashWeights()).toBe(blob);
  });
});

describe("a beginning that Python's library left", () => {
  const theirs = () => hub.inCache("blobs", `${blob}.incomplete`);

  it.each([
    ["is continued in a copy, and stays while it may be in use", 0, [`${blob}.incomplete`]],
    ["is removed after that when nobody has touched it for long", 3600, []],
  ])("%s", async (_law, age, left) => {
    await mkdir(hub.inCache("blobs"), { recursive: true });
    await writeFile(theirs(), weights.subarray(0, 1234));
    const touched = new Date(Date.now() - age * 1000);
    await utimes(theirs(), touched, touched);
    await resolve();
    expect(ranges()).toEqual(["bytes=1234-"]);
    expect(await hashWeights()).toBe(blob);
    expect(await leftovers()).toEqual(left);
  });
});

describe("a busy or failing server", () => {
  const failing = (times: number, fault: Fault, where: (request: SeenRequest) => boolean = () => true) => {
    let left = times;
    hub.server.fault = (request) => (where(request) && left-- > 0 ? fault : undefined);
  };

  it.each([
    ["500 at the listing", ({ path }: SeenRequest) => path.startsWith("/api")],
    ["500 at the content host", ({ host }: SeenRequest) => host === "content"],
  ])("%s is asked again after doubling pauses", async (_name, where) => {
    failing(3, { status: 500 }, where);
    await resolve();
    expect(hub.pauses).toEqual([500, 1000, 2000]);
    expect(await hashWeights()).toBe(blob);
  });

  it("429 is asked again after the pause it wants", async () => {
    failing(1, { status: 429, headers: { "retry-after": "7" } });
    await resolve();
    expect(hub.pauses).toEqual([7000]);
  });

  it("429 that wants minutes is reported instead", async () => {
    failing(1, { status: 429, headers: { "retry-after": "600" } });
    await expect(resolve()).rejects.toThrow(/asks for 600 seconds.*wait or set HF_TOKEN/);
    expect(hub.pauses).toEqual([]);
  });

  it("is given up after five pauses, with its status", async () => {
    failing(Number.POSITIVE_INFINITY, { status: 503 });
    await expect(resolve()).rejects.toMatchObject({
      code: "hub",
      message: expect.stringMatching(/answered 503/),
    });
    expect(hub.pauses.length).toBe(5);
  });

  it("Retry-After is seconds or a date", () => {
    const now = Date.parse("Wed, 21 Oct 2015 07:28:00 GMT");
    expect(readRetryAfter("3", now)).toBe(3000);
    expect(readRetryAfter("Wed, 21 Oct 2015 07:28:05 GMT", now)).toBe(5000);
    expect(readRetryAfter("Wed, 21 Oct 2015 07:27:00 GMT", now)).toBe(0);
    expect(readRetryAfter("soon", now)).toBeUndefined();
  });
});

describe("a full disk", () => {
  it("is noticed before anything is downloaded, with both numbers", async () => {
    const freeBytes = async () => 2 ** 26 + 100_000;
    await expect(resolve({ freeBytes })).rejects.toThrow(
      /takes 300\.\d kB.*has 67\.2 MB free, of which 64 MiB are kept free.*HF_HUB_CACHE/,
    );
    expect(hub.server.downloads("hub", "config.json")).toEqual([]);
  });
});
