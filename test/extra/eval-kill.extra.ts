/** `amulet eval run` as a process that is killed at random moments, that finds no room, that meets another one. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { xoshiro128 } from "@amulet-ts/core";
import { readAnswers, readRun } from "@amulet-ts/eval";
import { afterAll, beforeAll, expect, test } from "vitest";

const command = fileURLToPath(new URL("../../packages/cli/bin/amulet.js", import.meta.url));
/** By hand it was 100. */
const kills = 10;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-kill-"));
  await writeFile(
    join(folder, "small.yaml"),
    "questions: { source: lab, limit: 40 }\nmethods: [{ method: base }, { method: pref }, { method: bounded, nats: 0.5 }]\nparallel: 3\n",
  );
});
afterAll(() => rm(folder, { recursive: true }));

const words = (out: string) => {
  const run = [command, "eval", "run", "--config", join(folder, "small.yaml"), "--out", join(folder, out)];
  return [...run, "--backend", "wasm", "--json"];
};
const linesOf = async (out: string) => {
  const text = await readFile(join(folder, out, "answers.1-of-1.jsonl"), "utf8").catch(() => "");
  return text.split("\n").slice(0, -1);
};

async function hasMoreThan(out: string, count: number): Promise<void> {
  while ((await linesOf(out)).length <= count) await pause(20);
}

async function expectWhole(out: string): Promise<void> {
  const lines = await linesOf(out);
  const keys = lines.map((line) => (JSON.parse(line) as { key: string }).key);
  const { rows } = await readRun(join(folder, out));
  expect(new Set(keys).size).toBe(keys.length);
  expect([...keys].sort()).toEqual(rows.map(({ key }) => key).sort());
}

test(`killed ${kills} times at random moments, a run loses what was under way and doubles nothing`, async () => {
  const random = xoshiro128(1);
  let kept: string[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const worker = spawn(process.execPath, words("killed"), { stdio: "ignore" });
    const ended = new Promise((resolve) => worker.on("exit", resolve));
    // Every fifth dies while it loads; the others a little after an answer of theirs, in the middle of the next ones.
    if (kill % 5 === 4) await pause(1000 * random());
    else await Promise.race([ended, hasMoreThan("killed", kept.length)]);
    await pause(200 * random());
    worker.kill("SIGKILL");
    await ended;
    const now = await linesOf("killed");
    expect(now.slice(0, kept.length)).toEqual(kept);
    kept = now;
  }
  expect(kept.length).toBeGreaterThanOrEqual(kills - kills / 5);
  const { status, stderr } = spawnSync(process.execPath, words("killed"), { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect((await linesOf("killed")).slice(0, kept.length)).toEqual(kept);
  await expectWhole("killed");
}, 600_000);

test.skipIf(process.platform === "win32")(
  "without room it ends in a sentence, its file whole; with room it goes on",
  async () => {
    // A file may have 24 KiB here: what a full disk does, but for the number of the error.
    const limited = spawnSync(
      "bash",
      ["-c", 'ulimit -f 24 && exec "$0" "$@"', process.execPath, ...words("full")],
      {
        encoding: "utf8",
      },
    );
    expect(limited.status).toBe(1);
    expect(limited.stderr).toMatch(
      /answers\.1-of-1\.jsonl can't be written: .+ make room and start the same command again/,
    );
    const answers = await readAnswers(join(folder, "full"));
    expect(answers.size).toBeGreaterThan(0);
    expect(await readFile(join(folder, "full", "answers.1-of-1.jsonl"), "utf8")).toMatch(/\n$/);
    expect(spawnSync(process.execPath, words("full")).status).toBe(0);
    await expectWhole("full");
  },
  300_000,
);

/** A disk of that size, where this process may mount one. */
function mountDisk(path: string, size: string): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]).status === 0;
}

test("on a disk that is full it ends in a sentence, its file whole; with room it goes on", async ({
  skip,
}) => {
  const disk = await mkdtemp(join(tmpdir(), "amulet-disk-"));
  try {
    skip(!mountDisk(disk, "64k"), "A small disk can't be mounted here: that takes Linux and root.");
    const run = words(join("..", basename(disk), "full"));
    const { status, stderr } = spawnSync(process.execPath, run, { encoding: "utf8" });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /can't be written: .*(no space|ENOSPC).*make room and start the same command again/i,
    );
    const file = join(disk, "full", "answers.1-of-1.jsonl");
    const before = await readFile(file, "utf8");
    expect(before).toMatch(/\n$/);
    expect(spawnSync("mount", ["-o", "remount,size=8m", disk]).status).toBe(0);
    expect(spawnSync(process.execPath, run).status).toBe(0);
    expect((await readFile(file, "utf8")).startsWith(before)).toBe(true);
    await expectWhole(join("..", basename(disk), "full"));
  } finally {
    spawnSync("umount", [disk]);
    await rm(disk, { recursive: true });
  }
}, 300_000);

test("a second process on the same run is refused while the first one works", async () => {
  const first = spawn(process.execPath, words("two"), { stdio: "ignore" });
  const ended = new Promise((resolve) => first.on("exit", resolve));
  while ((await linesOf("two")).length === 0) await pause(50);
  const second = spawnSync(process.execPath, words("two"), { encoding: "utf8" });
  expect({ status: second.status, stderr: second.stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(/under way: process \d+ on .+--shard I\/N/),
  });
  expect(await ended).toBe(0);
  await expectWhole("two");
}, 300_000);
