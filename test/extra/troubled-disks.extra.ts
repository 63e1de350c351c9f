/** Commands on a disk that is full or can only be read, and in a process that may open no more files. */
import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readAnswers, readRun } from "@amulet-ts/eval";
import { checkpointFiles, latestCommit, makeBytes, repositoryId } from "@amulet-ts/testing/hub/hub-fixture";
import { HubServer } from "@amulet-ts/testing/hub/hub-server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

const command = fileURLToPath(new URL("../../packages/cli/bin/amulet.js", import.meta.url));
const exhausted = fileURLToPath(new URL("../troubled/few-files.mjs", import.meta.url));

let folder = "";
let hub: HubServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-troubled-"));
  await writeFile(
    join(folder, "small.yaml"),
    "questions: { source: lab, limit: 12 }\nmethods: [{ method: base }, { method: pref }]\n",
  );
});
beforeEach(async () => {
  hub = await new HubServer().start();
  const files = { ...checkpointFiles, "model.safetensors": makeBytes(3_000_000, 1) };
  hub.repositories[repositoryId] = { commits: { [latestCommit]: files }, refs: { main: latestCommit } };
});
afterEach(() => hub.stop());
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The test goes on meanwhile, for the hub is in this process. */
function run(words: readonly string[], cache: string): Promise<Ended> {
  const child = spawn(words[0]!, words.slice(1), {
    env: { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache },
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (text) => {
      said[name] += text;
    });
  }
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, ...said })));
}

const amulet = (words: readonly string[], cache: string) => run([process.execPath, command, ...words], cache);
const pull = ["models", "pull", repositoryId];
const evalRun = (out: string) => [
  "eval",
  "run",
  "--config",
  join(folder, "small.yaml"),
  "--out",
  out,
  "--json",
];
const isSentence = /^amulet: [^\n]+\.\n$/;

async function expectWholeRun(out: string): Promise<void> {
  const { rows } = await readRun(out);
  expect([...(await readAnswers(out)).keys()].sort()).toEqual(rows.map(({ key }) => key).sort());
}

describe.skipIf(process.platform !== "linux")("no file may be opened any more (needs Linux's /proc)", () => {
  test.each([
    ["generate", ["generate", "Hello", "--preference", "kind", "--max-new-tokens", "4", "--json"]],
    ["eval run", () => evalRun("{out}")],
    ["lab curve", ["lab", "curve", "--pairs", "2", "--out", "{out}"]],
    ["models list", ["models", "list"]],
    ["models pull", pull],
  ] as const)(
    "%s: a sentence or the answer, no file left open, and afterwards all is as before",
    async (name, given) => {
      const words = typeof given === "function" ? given() : given;
      const own = join(folder, name.replace(" ", "-"));
      await mkdir(own);
      const within = ["bash", "-c", 'ulimit -n 200; exec "$0" "$@"', process.execPath, exhausted, own];
      const { status, stdout, stderr } = await run([...within, ...words], join(own, "cache"));
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const outcomes = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Ended & { free: number | null; left: string[] });
      expect(outcomes).toHaveLength(6);
      for (const outcome of outcomes) {
        expect(outcome.left).toEqual([]);
        if (outcome.status === 0) continue;
        expect(outcome).toMatchObject({ status: 1, stderr: expect.stringMatching(isSentence) });
        expect(outcome.stderr).toMatch(/EMFILE/);
      }
      expect(outcomes[0]).toMatchObject({ free: 0, status: 1 });
      expect(outcomes.at(-1)).toMatchObject({ free: null, status: 0 });
    },
    240_000,
  );
});

const disk = await mkdtemp(join(tmpdir(), "amulet-disk-"));
const mount = (options: string) =>
  spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", disk], { encoding: "utf8" }).status === 0;
const unmount = () => spawnSync("umount", ["-l", disk]);
const canMount = process.platform === "linux" && mount("size=1m");
if (canMount) unmount();
else
  console.warn("Skipped: disks that are full or read-only. A small disk can't be mounted: that takes root.");

describe.skipIf(!canMount)("a disk (needs the right to mount one)", () => {
  afterEach(unmount);
  afterAll(() => rm(disk, { recursive: true, force: true }));
  const filler = join(disk, "filler");
  /** Takes what room there is, but for so many bytes. */
  const fill = async (leaving = 0) => {
    spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=4096"]);
    spawnSync("truncate", ["-s", `-${leaving}`, filler]);
  };

  test("is full in mid-download: a sentence, and with room it goes on from there", async () => {
    // 64 MiB are to stay free, and are when it begins.
    expect(mount("size=80m")).toBe(true);
    hub.fault = ({ host }) => {
      if (host === "content") spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=4096"]);
      return undefined;
    };
    const cache = join(disk, "hub");
    const stopped = await amulet(pull, cache);
    expect(stopped).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/disk that is full \(ENOSPC\)/),
    });
    await rm(filler);
    hub.fault = () => undefined;
    expect(await amulet(pull, cache)).toMatchObject({ status: 0 });
    const read = await readFile(
      join(cache, "models--acme--tiny", "snapshots", latestCommit, "model.safetensors"),
    );
    expect(read.equals(makeBytes(3_000_000, 1))).toBe(true);
  });

  test("is full in mid-run: a sentence, whole lines, and with room it goes on", async () => {
    expect(mount("size=1m")).toBe(true);
    const out = join(disk, "run");
    await fill(24 * 1024);
    const stopped = await amulet(evalRun(out), folder);
    expect(stopped).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /answers\.1-of-1\.jsonl can't be written: there is no room left .+ENOSPC/,
      ),
    });
    const kept = await readFile(join(out, "answers.1-of-1.jsonl"), "utf8");
    expect(kept).toMatch(/^({.*}\n)*$/);
    await rm(filler);
    expect(await amulet(evalRun(out), folder)).toMatchObject({ status: 0 });
    expect((await readFile(join(out, "answers.1-of-1.jsonl"), "utf8")).startsWith(kept)).toBe(true);
    await expectWholeRun(out);
  });

  test.each([
    ["eval run", () => evalRun(join(disk, "run"))],
    ["lab curve", () => ["lab", "curve", "--pairs", "2", "--out", join(disk, "curve")]],
    ["lab train", () => ["lab", "train", "--steps", "2", "--out", join(disk, "trained")]],
  ])("has no room from the start: %s ends in a sentence", async (_, words) => {
    expect(mount("size=64k")).toBe(true);
    await fill();
    const { status, stderr } = await amulet(words(), folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(/ENOSPC/);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^amulet: .+\.$/);
  });

  test("can only be read: a whole model on it is used, and whatever writes ends in a sentence", async () => {
    expect(mount("size=80m")).toBe(true);
    const cache = join(disk, "hub");
    expect(await amulet(pull, cache)).toMatchObject({ status: 0 });
    expect(spawnSync("mount", ["-o", "remount,ro", disk]).status).toBe(0);
    expect(await amulet(pull, cache)).toMatchObject({ status: 0 });
    expect(await amulet(["models", "list"], cache)).toMatchObject({ status: 0 });
    for (const words of [
      ["models", "remove", repositoryId],
      evalRun(join(disk, "run")),
      ["lab", "curve", "--pairs", "2", "--out", join(disk, "curve")],
      ["lab", "train", "--steps", "2", "--out", join(disk, "trained")],
    ]) {
      const { status, stderr } = await amulet(words, cache);
      expect([1, 2]).toContain(status);
      expect(stderr).toMatch(/EROFS|can only be read/);
      expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^amulet: .+\.$/);
    }
    expect(await readdir(join(cache, "models--acme--tiny", "snapshots"))).toEqual([latestCommit]);
  });
});
