/** `amulet lab curve` on the embedded model and a pair or two. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { batchSize, settingsOf } from "@amulet-ts/eval";
import { type Study, studyPlan } from "@amulet-ts/lab";
import { amulet, type Surroundings } from "@amulet-ts/testing/cli/fake-io";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-lab-curve-"));
});
afterEach(() => rm(folder, { recursive: true }));

const short = ["--pairs", "1", "--max-new-tokens", "8", "--backend", "wasm"];
const curve = (words: readonly string[], around?: Surroundings) =>
  amulet(["lab", "curve", ...short, ...words], around);
const settingCount = settingsOf(studyPlan).length;

describe("lab curve", () => {
  test("leaves cells, the study and its figures in a folder, and gives the study as JSON", async () => {
    const { status, stdout, stderr } = await curve(["--out", folder, "--json"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect((await readdir(folder)).sort()).toEqual([
      "cells.jsonl",
      "curve.json",
      "strength.svg",
      "trade.svg",
    ]);
    const study = JSON.parse(stdout) as Study;
    expect(JSON.parse(await readFile(join(folder, "curve.json"), "utf8"))).toEqual(study);
    expect(study.run).toMatchObject({ reportedPairs: 1, choosingPairs: 1, settingCount });
    const cells = (await readFile(join(folder, "cells.jsonl"), "utf8")).trim().split("\n");
    expect(cells).toHaveLength(1 + 2 * settingCount);
    for (const name of ["strength.svg", "trade.svg"]) {
      const svg = await readFile(join(folder, name), "utf8");
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*<\/svg>\n$/);
      expect(svg).not.toMatch(/NaN|undefined/);
    }
  });

  test("goes on where it was interrupted, and comes to the same", async () => {
    const pairs = ["--pairs", String(batchSize), "--max-new-tokens", "2", "--backend", "wasm", "--json"];
    const lively = { isTTY: true, columns: 100 };
    const stopAfterABatch = (text: string, interrupt: () => void) => / left/.test(text) && interrupt();
    const cut = await amulet(["lab", "curve", ...pairs, "--out", folder], {
      ...lively,
      onNote: stopAfterABatch,
    });
    expect(cut).toMatchObject({ status: 130, stdout: "" });
    const kept = await readFile(join(folder, "cells.jsonl"), "utf8");
    expect(kept.split("\n")).toHaveLength(2 + batchSize * settingCount);
    const resumed = await amulet(["lab", "curve", ...pairs, "--out", folder]);
    expect(await readFile(join(folder, "cells.jsonl"), "utf8")).toContain(kept);
    const whole = await amulet(["lab", "curve", ...pairs]);
    expect(resumed).toEqual(whole);
  });

  test("is a plot and a table, without colours in a pipe", async () => {
    const { stdout } = await curve([]);
    expect(stdout).not.toContain("\x1b");
    expect(stdout).toContain("● preference   ○ grammatical   · on topic");
    expect(stdout).toMatch(/^x 5\.649 +T 60 /m);
    expect(stdout.match(/^(holds|fails) {2}/gm)).toHaveLength(5);
  });

  test("tells who looks on that an interrupted run is lost, unless it has a folder", async () => {
    const watched = { isTTY: true };
    expect((await curve([], watched)).stderr).toContain("keeps nothing without --out FOLDER");
    expect((await curve(["--out", folder], watched)).stderr).not.toContain("keeps nothing");
  });

  test("does not mix two runs in one folder", async () => {
    await curve(["--out", folder]);
    const { status, stdout, stderr } = await curve(["--out", folder, "--seed", "7"]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/belongs to another run: its seed is 0, now it is 7/);
  });

  test.each([
    [["curve", "--engine", "llama.cpp"], /--engine does nothing with `amulet lab`\./],
    [["curve", "--steps", "3"], /--steps does nothing with `amulet lab curve`; it belongs to train/],
    [["score", "-", "--out", "x"], /--out .* belongs to train and curve/],
    [["train", "--out", "x", "--temperature", "1"], /--temperature .* belongs to curve/],
    [["curve", "x"], /takes options only/],
  ])("an option of another of the lab's commands is wrong usage: %j", async (words, sentence) => {
    const { status, stderr } = await amulet(["lab", ...words]);
    expect(status).toBe(2);
    expect(stderr).toMatch(sentence);
  });

  test("more pairs than there are is wrong usage", async () => {
    const { status, stderr } = await amulet(["lab", "curve", "--pairs", "9999"]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/--pairs must be at most 528/);
  });
});
