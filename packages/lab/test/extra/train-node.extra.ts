/** The curve that training promises, at length and on libtensorflow, which computes with several threads. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackendError, startBackend } from "@amulet-ts/backends";
import { defaultSettings, runTraining, sampleExamples } from "@amulet-ts/lab";
import { describe, expect, it, onTestFinished } from "vitest";

const failure = await startBackend("node").then(
  () => undefined,
  (error: unknown) => error,
);
if (failure instanceof BackendError) console.warn(`Skipped: training on libtensorflow. ${failure.message}`);

/** The first 40 steps with the settings of the model that ships, and a third of its batch. */
async function curve(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-lab-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const interrupt = new AbortController();
  const run = runTraining({
    folder,
    corpus: sampleExamples,
    settings: { ...defaultSettings, rows: 16 },
    signal: interrupt.signal,
    onStep: ({ step }) => step === 40 && interrupt.abort(),
  });
  await expect(run).rejects.toMatchObject({ code: "aborted" });
  return readFile(join(folder, "losses.jsonl"), "utf8");
}

describe.skipIf(failure !== undefined)("on libtensorflow (needs it set up)", () => {
  it("a second run with the same seed has the same 40 losses, digit by digit", async () => {
    const first = await curve();
    expect(first.trimEnd().split("\n")).toHaveLength(40);
    expect(await curve()).toBe(first);
  });
});
