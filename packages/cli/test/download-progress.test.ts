/** What a pipe is told of a download: a line for each tenth of what is known to be needed. */
import { expect, test } from "vitest";
import type { Io } from "../src/io.js";
import { DownloadProgress } from "../src/terminal/download-progress.js";

function tellAll(steps: readonly (readonly [received: number, total: number, files: number])[]): string[] {
  let written = "";
  const stderr = { write: (text: string) => (written += text), isTTY: false };
  const io = { stdout: stderr, stderr, environment: {} } as unknown as Io;
  const progress = new DownloadProgress(io, "acme/tiny");
  for (const [received, total, fileCount] of steps) {
    progress.update({
      file: "model.safetensors",
      receivedBytes: received,
      totalBytes: total,
      overallReceivedBytes: received,
      overallTotalBytes: total,
      finishedFiles: 0,
      fileCount,
      fetchedBytes: received,
    });
  }
  progress.clear();
  return [...written.matchAll(/(\d+) % .* of (\d+)/g)].map(([, percent, files]) => `${percent} of ${files}`);
}

test("tenths are told once each", () => {
  const steps = Array.from({ length: 101 }, (_, i) => [i, 100, 1] as const);
  expect(tellAll(steps)).toHaveLength(11);
});

test("weights that an index names are told of too, once they are known", () => {
  const told = tellAll([
    [5, 10, 6],
    [10, 10, 6],
    [110, 1010, 8],
    [510, 1010, 8],
    [1010, 1010, 8],
  ]);
  expect(told.map((line) => line.split(" ")[0])).toEqual(["50", "100", "10", "50", "100"]);
});
