import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startBackend } from "@amulet-ts/backends";
import { openCheckpoint, openGguf, openTokenizer } from "@amulet-ts/files";
import { logitTolerance } from "@amulet-ts/testing/backends/tolerance";
import {
  makeFolder,
  stringEntry,
  type WrittenGguf,
  writeGguf,
} from "@amulet-ts/testing/files/checkpoint-writer";
import { plainTinyLlama, tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { distance, prefill, readRows, toleranceBetweenRuns } from "@amulet-ts/testing/reference/checkpoints";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import { oracleLogits } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FamilyConfig, loadModel } from "../src/index.js";

let before = 0;
beforeAll(() => startBackend("wasm"));
beforeEach(() => {
  before = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, "tensors left behind").toBe(before);
});

async function write(file: WrittenGguf): Promise<string> {
  const path = join(await makeFolder(), "tiny.gguf");
  await writeFile(path, writeGguf(file));
  return path;
}

test("a GGUF file loads whole: family, sizes, template, end token, logits", async () => {
  using model = await loadModel(await write(tinyLlama()));
  expect(model).toMatchObject({ name: "tiny", family: "llama", vocabularySize: 260, contextLength: 64 });
  expect([...model.endTokens]).toEqual([2]);
  const chat = model.renderChat([{ role: "user", content: "this" }]);
  expect(chat.prompt).toContain("<|im_start|>user\nthis<|im_end|>");
  using session = model.openTensorSession(2);
  const logits_BV = session.append([chat.ids, [5]]);
  expect(logits_BV.shape).toEqual([2, 260]);
  const plain = plainTinyLlama();
  for (const [row, logits] of (await readRows(logits_BV)).entries()) {
    const ids = [chat.ids, [5]][row]!;
    const tolerance = logitTolerance(plain, ids, { longestSum: 12, norms: 2 }, "wasm");
    expect(distance([logits], oracleLogits(plain, ids).slice(-1))).toBeLessThan(tolerance);
  }
});

test("progress ends with everything loaded", async () => {
  const seen: number[] = [];
  using model = await loadModel(await write(tinyLlama()), {
    onProgress: ({ done, total }) => seen.push(done / total),
  });
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen.at(-1)).toBe(1);
  expect(model.parameterCount).toBe(260 * 8 + 2 * (2 * 8 + 64 + 32 + 32 + 64 + 3 * 96) + 8);
});

test("aborted after any parameter, it ends with a typed error and leaves nothing", async () => {
  const path = await write(tinyLlama());
  const steps: number[] = [];
  using _ = await loadModel(path, { onProgress: ({ done }) => steps.push(done) });
  for (const stop of [steps[0], steps[steps.length >> 1], steps.at(-1)]) {
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }) => done === stop && controller.abort("enough");
    await expect(loadModel(path, { onProgress, signal: controller.signal })).rejects.toMatchObject({
      name: "CoreError",
      code: "aborted",
      cause: "enough",
    });
  }
});

test.each([
  [undefined, /what came is undefined\.$/],
  [null, /what came is null\.$/],
  [3, /what came is 3\.$/],
  ["", /what came is ""\.$/],
  [{ "config.json": "{}" }, /what came is \{"config\.json":"\{\}"\}\.$/],
  [new URL("file:///models/tiny.gguf"), /what came is the URL file:.*give fileURLToPath\(url\)/],
])("%s is no path: said so, not from inside", async (path, message) => {
  for (const open of [loadModel, openTokenizer, openCheckpoint]) {
    await expect(open(path as string)).rejects.toMatchObject({
      name: "FilesError",
      code: "bad-request",
      message: expect.stringMatching(message),
    });
  }
});

test("every missing, misshapen and unexpected tensor is named in one error", async () => {
  const { entries, tensors } = tinyLlama();
  const changed = tensors
    .filter(({ name }) => name !== "blk.0.attn_q.weight" && name !== "blk.1.ffn_up.weight")
    .map((tensor) => (tensor.name === "blk.1.attn_norm.weight" ? { ...tensor, shape: [4, 2] } : tensor))
    .concat({ ...tensors[0]!, name: "blk.7.stray.weight" });
  await expect(loadModel(await write({ entries, tensors: changed }))).rejects.toMatchObject({
    code: "missing-tensor",
    message: expect.stringMatching(
      /2 missing \(blk\.0\.attn_q\.weight, blk\.1\.ffn_up\.weight\); 1 misshapen \(blk\.1\.attn_norm\.weight is \[4, 2\], expected \[8\]\); 1 unexpected \(blk\.7\.stray\.weight\)/,
    ),
  });
});

test("an unknown architecture is refused with the names of those that are known", async () => {
  const { entries, tensors } = tinyLlama();
  const other = [stringEntry("general.architecture", "mamba"), ...entries.slice(1)];
  await expect(loadModel(await write({ entries: other, tensors }))).rejects.toMatchObject({
    code: "unknown-architecture",
    message: expect.stringMatching(/mamba.*llama/),
  });
});

describe("memory", () => {
  test("a model beyond the budget is refused before loading, with the numbers", async () => {
    const memory = { limitBytes: 1000, matrixCopies: 2 };
    await expect(loadModel(await write(tinyLlama()), { memory })).rejects.toMatchObject({
      code: "not-enough-memory",
      message: expect.stringMatching(/needs .*GiB, and this backend holds 0\.0 GiB/),
    });
  });

  test("a backend that multiplies garbage is found out by the known product", async () => {
    const kernel = tf.getKernel("BatchMatMul", "wasm");
    const broken: tf.KernelFunc = (call) => {
      const result = kernel.kernelFunc(call) as tf.TensorInfo;
      // As of a backend at fault: numbers, but not these.
      const heap = call.backend as unknown as { typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array };
      const values = heap.typedArrayFromHeap(result);
      for (const [i, value] of values.entries()) values[i] = value * 1.01;
      return result;
    };
    tf.unregisterKernel("BatchMatMul", "wasm");
    tf.registerKernel({ ...kernel, kernelFunc: broken });
    try {
      await expect(loadModel(await write(tinyLlama()), { weights: "float32" })).rejects.toMatchObject({
        code: "wrong-result",
      });
    } finally {
      tf.unregisterKernel("BatchMatMul", "wasm");
      tf.registerKernel(kernel);
    }
  });
});

describe("weights as the file stores them", () => {
  // Q8_0, its heads interleaved by llama.cpp's converter, its embedding tied.
  const path = fixture("formats/llama-gqa-tied.q8_0.gguf");
  const ids = [1, 5, 200, 17, 3, 90, 41];

  test("give the logits of the same weights in float32, and no weight is on the backend", async () => {
    await startBackend("wasm", { kernels: false });
    const empty = tf.memory().numBytes;
    using stored = await loadModel(path, { weights: "stored" });
    const held = tf.memory().numBytes - empty;
    using decoded = await loadModel(path, { weights: "float32" });
    const expected = await prefill(decoded, ids);
    expect(await prefill(stored, ids)).toEqual(expected);
    await startBackend("wasm");
    using multiplied = await loadModel(path);
    const tolerance = toleranceBetweenRuns("llama-gqa-tied", [ids]);
    expect(distance(await prefill(multiplied, ids), expected)).toBeLessThan(tolerance);
    const { width, blockCount } = stored.config as FamilyConfig & { readonly width: number };
    // Two norms a block and one at the end; the constants are those of heads.
    expect(held).toBeLessThan(4 * (2 * blockCount + 1) * width + 2048);
    expect(stored.parameterCount).toBe(decoded.parameterCount);
  });

  test("need the room that the file needs", async () => {
    const store = await openGguf(path);
    const bytes = [...store.tensors.values()].reduce((sum, tensor) => sum + tensor.byteLength, 0);
    await store.close();
    const limitBytes = bytes + 256 * 2 ** 20;
    const memory = { limitBytes, matrixCopies: 2 };
    (await loadModel(path, { weights: "stored", memory })).dispose();
    const less = { limitBytes: limitBytes - 1, matrixCopies: 2 };
    for (const options of [
      { weights: "stored", memory: less },
      { weights: "float32", memory },
    ] as const)
      await expect(loadModel(path, options)).rejects.toMatchObject({ code: "not-enough-memory" });
  });
});
