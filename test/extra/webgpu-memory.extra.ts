/** The store of WebGPU's buffers over loading and a long answer: on a graphics card, or on SwiftShader (VK_ICD_FILENAMES). */
import { startBackend } from "@amulet-ts/backends";
import { amuletMethod, createChooser, decode } from "@amulet-ts/core";
import { openGguf } from "@amulet-ts/files";
import { loadModel } from "@amulet-ts/models";
import { heldByKernels } from "@amulet-ts/testing/backends/no-leaks";
import { place, uint32Entry, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { freeBytesKept } from "../../packages/backends/src/webgpu/webgpu-buffers.js";
import type { BufferStore } from "../../packages/backends/src/webgpu/webgpu-device.js";

const why = await startBackend("webgpu").then(
  () => "",
  ({ message }: Error) => message,
);
const tokens = 200;
const between = 40;

/** The tiny model with room for that many tokens. */
function longContext(): Buffer {
  const { entries, tensors } = tinyLlama();
  const others = entries.filter(([name]) => name !== "llama.context_length");
  return writeGguf({ entries: [...others, uint32Entry("llama.context_length", 512)], tensors });
}

const store = () => (tf.backend() as unknown as { bufferManager: BufferStore }).bufferManager;

/** Keys and values of the 32 tokens of a page: 2 blocks, width 4, float32. */
const pageBytes = 32 * 2 * 2 * 4 * 4;

/** Buffers with room for so many bytes of pages: four of them, then twice as many as before. */
const roomFor = (bytes: number) => pageBytes * 2 ** Math.ceil(Math.log2(Math.max(4, bytes / pageBytes)));

test.skipIf(why)(
  `over ${tokens} tokens the buffers in use grow by the cache alone, and none stays (${why ? `skipped: ${why}` : "webgpu"})`,
  async () => {
    await startBackend("webgpu");
    using model = await loadModel(await place({ "tiny.gguf": longContext() }));
    const { ids: base } = model.renderChat([{ role: "user", content: "this" }]);
    const { ids: preference } = model.renderChat([{ role: "user", content: "that, and in short" }]);
    const weights = heldByKernels();
    /** Bytes of pages, and bytes in use beside their buffers, at every fortieth token. */
    const answer = async (maxNewTokens: number) => {
      const choose = createChooser({ seed: 5, temperature: 1.5, minNewTokens: maxNewTokens });
      const seen: { readonly pages: number; readonly others: number }[] = [];
      let count = 0;
      const request = { base, preference, method: amuletMethod(), choose, maxNewTokens };
      for await (const { type } of decode(model, [request]))
        if (type === "token" && ++count % between === 0) {
          const pages = heldByKernels() - weights;
          seen.push({ pages, others: store().numBytesUsed - roomFor(pages) });
        }
      expect(count).toBe(maxNewTokens);
      return seen;
    };
    // Constants come to the device when they are first used.
    await answer(2);
    const before = [tf.memory().numTensors, store().numBytesUsed, store().getNumUsedBuffers()];
    const seen = await answer(tokens);
    const pagesOf = (length: number) => pageBytes * Math.ceil(length / 32);
    for (const [i, { pages, others }] of seen.entries()) {
      // The token that came last is not in its row yet.
      const appended = (i + 1) * between - 1;
      expect(pages).toBe(pagesOf(base.length + appended) + pagesOf(preference.length + appended));
      expect(others).toBe(seen[0]!.others);
    }
    expect([tf.memory().numTensors, store().numBytesUsed, store().getNumUsedBuffers()]).toEqual(before);
    // Sums over the tokens so far have another length at each one; what they leave is kept within the budget.
    expect(store().numBytesAllocated - store().numBytesUsed).toBeLessThanOrEqual(freeBytesKept);
  },
);

/** Bytes of a file's tensors, once each, matrices in rows that end with a whole word. */
async function bytesOfTensors(path: string): Promise<number> {
  const gguf = await openGguf(path);
  const bytesOf = ({
    shape: [rows, columns],
    byteLength,
  }: {
    shape: readonly number[];
    byteLength: number;
  }) => (columns === undefined ? byteLength : rows! * 4 * Math.ceil(byteLength / rows! / 4));
  const sum = [...gguf.tensors.values()].reduce((bytes, tensor) => bytes + bytesOf(tensor), 0);
  await gguf.close();
  return sum;
}

test.skipIf(why)(
  `a model takes the bytes of its file, a tied embedding once, and gives them back (${why ? `skipped: ${why}` : "webgpu"})`,
  async () => {
    await startBackend("webgpu");
    const path = fixture("formats/llama-gqa-tied.q8_0.gguf");
    /** Once what is pending has been done. */
    const bytesUsed = async () => {
      const y = tf.tidy(() => tf.add(tf.tensor1d([1]), 1));
      await y.data();
      y.dispose();
      return store().numBytesUsed;
    };
    const before = await bytesUsed();
    const model = await loadModel(path);
    const loaded = (await bytesUsed()) - before;
    const inFile = await bytesOfTensors(path);
    expect(loaded).toBeGreaterThanOrEqual(inFile);
    // Constants: masks, a matrix that rotates heads, an epsilon. The embedding held twice would be beyond them.
    expect(loaded - inFile).toBeLessThan(4096);
    model.dispose();
    expect(await bytesUsed()).toBe(before);
  },
);
