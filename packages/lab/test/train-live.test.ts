/** While a model is trained the host lives: timers run, and an abort is heard before the next piece of work. */
import { readdir } from "node:fs/promises";
import { runTraining } from "@amulet-ts/lab";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { describe, expect, it } from "vitest";
import type { Corpus } from "../src/train/training-data.js";
import { makeFolder, tinyCorpus, tinySettings } from "./tiny-run.js";

withoutLeaks("cpu");

/** The corpus, and what is done when an example is drawn. */
function counted(onExample: (count: number) => void, busyMs = 0): Corpus {
  let count = 0;
  return function* (seed, split) {
    for (const example of tinyCorpus(seed, split)) {
      onExample(++count);
      for (const end = performance.now() + busyMs; performance.now() < end; );
      yield example;
    }
  };
}

describe("a run that is prepared", () => {
  it("ends at the example at which it is aborted", async () => {
    const folder = await makeFolder();
    // Of what the tokenizer is learnt from, of the validation set, of the first batches.
    for (const last of [500, 20_100, 20_300]) {
      const abort = new AbortController();
      let seen = 0;
      const corpus = counted((count) => {
        seen = count;
        if (count === last) abort.abort();
      });
      const run = runTraining({ folder, corpus, settings: tinySettings, signal: abort.signal });
      await expect(run).rejects.toMatchObject({ name: "CoreError", code: "aborted" });
      expect(seen).toBeLessThanOrEqual(last + 1);
    }
  });

  it("lets timers run between examples", async () => {
    const [abort, ticks] = [new AbortController(), [0]];
    let seen = 0;
    const timer = setInterval(() => {
      if (ticks.push(seen) > 6) abort.abort();
    }, 5);
    const corpus = counted((count) => (seen = count), 2);
    const run = runTraining({
      folder: await makeFolder(),
      corpus,
      settings: tinySettings,
      signal: abort.signal,
    });
    await expect(run).rejects.toMatchObject({ code: "aborted" });
    clearInterval(timer);
    // The loop turns after at most 12 ms of work, six examples, and the one that was under way.
    expect(Math.max(...ticks.slice(1).map((count, i) => count - ticks[i]!))).toBeLessThanOrEqual(8);
  });
});

it("ends within a step of a timer's abort, with a checkpoint to go on from", async () => {
  const folder = await makeFolder();
  const settings = { ...tinySettings, schedule: { ...tinySettings.schedule, steps: 1_000_000 } };
  const abort = new AbortController();
  let [steps, stepsAtAbort] = [0, 0];
  const onStep = () => {
    if (++steps > 1) return;
    setTimeout(() => {
      stepsAtAbort = steps;
      abort.abort();
    }, 20);
  };
  const run = runTraining({ folder, corpus: tinyCorpus, settings, signal: abort.signal, onStep });
  await expect(run).rejects.toMatchObject({ name: "CoreError", code: "aborted" });
  expect(stepsAtAbort).toBeGreaterThan(0);
  expect(steps).toBeLessThanOrEqual(stepsAtAbort + 1);
  expect(await readdir(folder)).toContain("checkpoint.safetensors");
});

it.skipIf(process.platform !== "linux")(
  "a folder that can't be written to (Linux' /proc) is told of before anything is computed",
  async () => {
    let drawn = 0;
    const corpus = counted(() => drawn++);
    const run = runTraining({ folder: "/proc", corpus, settings: tinySettings });
    await expect(run).rejects.toMatchObject({
      name: "LabError",
      code: "bad-folder",
      message: expect.stringMatching(
        /^A run needs a folder to write into, and \/proc is none: .+ \(E[A-Z]+\)\. Name/,
      ),
    });
    expect(drawn).toBe(0);
  },
);

it("more rows than a machine could hold are refused", async () => {
  const run = runTraining({
    folder: await makeFolder(),
    corpus: tinyCorpus,
    settings: { ...tinySettings, rows: 100_000_000 },
  });
  await expect(run).rejects.toMatchObject({
    code: "bad-settings",
    message: expect.stringMatching(/from 1 to 65536/),
  });
});
