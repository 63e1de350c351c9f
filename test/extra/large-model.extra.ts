/** Models near and beyond what the wasm heap holds: they work, or they are refused before anything is loaded. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startBackend } from "@amulet-ts/backends";
import { loadModel } from "@amulet-ts/models";
import { amulet } from "@amulet-ts/testing/cli/fake-io";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** Blocks of TinyLlama's shape of which 4 GiB hold, with their packed copies, just this many. */
const mostBlocks = 9;
const mebibyte = 2 ** 20;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-large-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const writer = fileURLToPath(new URL("./make-large-checkpoint.mjs", import.meta.url));

async function makeCheckpoint(name: string, blocks: number, ...flags: string[]): Promise<string> {
  const path = join(folder, name);
  await promisify(execFile)(process.execPath, [writer, path, String(blocks), ...flags]);
  return path;
}

describe("a model that the wasm heap can't hold as float32", () => {
  test.each([
    [22, "1100 million parameters", "8.2 GiB"],
    [mostBlocks + 1, "572 million parameters", "4.3 GiB"],
  ])(
    "of %i blocks is refused with the numbers and the ways out, nothing loaded",
    async (blocks, size, needed) => {
      // Only the header is read of a model that is refused: the weights need not be written.
      const path = await makeCheckpoint(`sparse-${blocks}`, blocks, "--sparse");
      await startBackend("wasm");
      const before = process.memoryUsage().rss;
      const { status, stdout, stderr } = await amulet([
        "logits",
        "--ids",
        "1",
        "--backend",
        "wasm",
        // With them weights take what the file has: then there is room.
        "--kernels",
        "off",
        "--model",
        path,
      ]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toContain(size);
      expect(stderr).toContain(`needs ${needed}, and this backend holds 4.0 GiB`);
      expect(stderr).toContain("or the engine llama.cpp (--engine llama.cpp)");
      expect(tf.memory().numBytes).toBe(0);
      // Its smallest matrix alone would take 2 MiB, the first one that is read 250 MiB.
      expect(process.memoryUsage().rss - before).toBeLessThan(128 * mebibyte);
    },
  );
});

describe("the largest model that is let through", () => {
  /** Logits after a few tokens, in one pass and with one token more. */
  async function computeLogits(path: string, backend: string): Promise<Float32Array> {
    const { memory } = await startBackend(backend);
    using model = await loadModel(path, { memory });
    using session = model.openTensorSession(1);
    session.append([[1, 50, 7]]).dispose();
    const logits_BV = session.append([[200]]);
    const values = await logits_BV.data<"float32">();
    logits_BV.dispose();
    return Float32Array.from(values);
  }

  test("computes on wasm what the cpu backend computes, to float32's precision", async () => {
    const path = await makeCheckpoint("near", mostBlocks);
    const wasm = await computeLogits(path, "wasm");
    expect(tf.memory().numTensors).toBe(0);
    const cpu = await computeLogits(path, "cpu");
    const largest = Math.max(...cpu.map(Math.abs));
    const worst = Math.max(...cpu.map((value, i) => Math.abs(value - wasm[i]!)));
    expect(largest).toBeGreaterThan(0.1);
    // Sums of up to 5,632 terms through 9 blocks: some 1e-5 of the largest. Garbage is as large as the logits.
    expect(worst / largest).toBeLessThan(1e-3);
  });
});
