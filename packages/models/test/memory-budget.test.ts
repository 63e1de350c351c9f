/** The budget that a backend states, checked before anything is read. */
import { startBackend } from "@amulet-ts/backends";
import { heldByKernels } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest, casesOn } from "@amulet-ts/testing/backends/under-test";
import { float32Tensor, place, uint32Entry, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { storedTypes } from "@amulet-ts/testing/files/stored-tensors";
import { tinyLlama, tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { FileTensor } from "../../files/src/formats/file-tensor.js";
import { loadModel as loadFrom, readNeeds } from "../src/browser.js";
import { loadModel } from "../src/index.js";
import type { MemoryBudget } from "../src/loading/memory.js";

beforeAll(() => startBackend("wasm"));

const roomy = { limitBytes: 2 ** 40, matrixCopies: 1 };
/**
 * Its largest tensors are the embedding and the head, 260 tokens of width 8; then come a block's matrices, 8 × 12. The
 * smallest pieces are the four rows of a head of queries, which llama.cpp interleaves, and one token.
 */
const [embedding, largestOfBlock, oneHead, oneToken] = [260 * 8 * 4, 8 * 12 * 4, 4 * 8 * 4, 8 * 4];

async function load(options: Parameters<typeof loadModel>[1] & object) {
  const before = tf.memory().numTensors;
  try {
    (
      await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }), { weights: "float32", ...options })
    ).dispose();
  } finally {
    expect(tf.memory().numTensors, "tensors left behind").toBe(before);
  }
}

/** Sizes of the tensors that loading makes, largest first, and what the model answers. */
async function answer(memory: MemoryBudget) {
  const made = vi.spyOn(tf.engine(), "makeTensor");
  const model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }), {
    weights: "float32",
    memory,
  });
  const sizes = made.mock.results.map(({ value }) => 4 * (value as tf.Tensor).size).sort((a, b) => b - a);
  made.mockRestore();
  const session = model.openTensorSession(2);
  const rows = session.appendAll([[259, 0, 11, 258, 12, 0], [130]]);
  const logits = await Promise.all(rows.map((row) => row.array()));
  tf.dispose(rows);
  session.dispose();
  model.dispose();
  return { sizes, logits };
}

test("weights come in pieces that fit, and answer the same", async () => {
  const whole = await answer(roomy);
  for (const limit of [
    embedding,
    embedding - 1,
    embedding / 4,
    largestOfBlock,
    largestOfBlock - 1,
    oneHead,
  ]) {
    const { logits, sizes } = await answer({ ...roomy, tensorLimitBytes: limit });
    expect(sizes[0]).toBeLessThanOrEqual(limit);
    expect(logits).toEqual(whole.logits);
  }
});

test("one byte less than a head, and the error names it, before anything is loaded", async () => {
  const loading = load({
    memory: { ...roomy, tensorLimitBytes: oneHead - 1 },
    onProgress: () => expect.unreachable("a tensor was read"),
  });
  await expect(loading).rejects.toMatchObject({
    code: "not-enough-memory",
    message: expect.stringContaining("of blocks.0.wqk_DX one tensor"),
  });
});

test("a vocabulary of which not one token fits is refused too", async () => {
  await expect(load({ memory: { ...roomy, tensorLimitBytes: oneToken - 1 } })).rejects.toMatchObject({
    message: expect.stringContaining("of embedding_VD one tensor"),
  });
});

test("what fails in the middle of the slices leaves none behind", async () => {
  const reader = vi.spyOn(FileTensor.prototype, "readRows");
  let calls = 0;
  reader.mockImplementation(async (_, count) => {
    if (++calls === 3) throw new Error("the disk is gone");
    return new Float32Array(8 * count);
  });
  await expect(load({ memory: { ...roomy, tensorLimitBytes: largestOfBlock } })).rejects.toThrow(
    "the disk is gone",
  );
  expect(calls).toBe(3);
  reader.mockRestore();
});

test("packed copies count: what fits once does not fit twice", async () => {
  const elements = 260 * 8 + 2 * (2 * 8 + 64 + 32 + 32 + 64 + 3 * 96) + 8;
  const limitBytes = 4 * elements + 256 * 2 ** 20;
  await load({ memory: { limitBytes, matrixCopies: 1 } });
  await expect(load({ memory: { limitBytes, matrixCopies: 2 } })).rejects.toMatchObject({
    code: "not-enough-memory",
    message: expect.stringContaining("2 times"),
  });
  await expect(load({ memory: { limitBytes: limitBytes - 1, matrixCopies: 1 } })).rejects.toMatchObject({
    code: "not-enough-memory",
  });
});

test("what a model needs is told by its headers, and refused where and as loading it is", async () => {
  const file = new Blob([new Uint8Array(tinyLlamaFile())]);
  const { neededBytes, parameterCount, family } = await readNeeds(file, roomy);
  using model = await loadFrom(file);
  expect({ parameterCount, family }).toEqual({ parameterCount: model.parameterCount, family: model.family });
  const outcome = (memory: MemoryBudget) =>
    loadFrom(file, { memory }).then(
      (loaded) => loaded.dispose(),
      (error: Error) => error.message,
    );
  for (const limitBytes of [neededBytes, neededBytes - 1]) {
    const memory = { limitBytes, matrixCopies: 1 };
    const { refusal } = await readNeeds(file, memory);
    expect(refusal).toBe(await outcome(memory));
    expect(refusal === undefined).toBe(limitBytes === neededBytes);
  }
});

describe("weights that stay stored", () => {
  /** The tiny Llama made wide enough for blocks of 256, of zeros, its matrices of these types in turn. */
  function wideLlamaFile(types: typeof storedTypes): Buffer {
    const { entries, tensors } = tinyLlama();
    const wider: Record<string, number> = {
      "llama.embedding_length": 256,
      "llama.feed_forward_length": 512,
      "llama.attention.head_count": 8,
      "llama.attention.head_count_kv": 4,
    };
    const sizes: Record<number, number> = { 4: 128, 8: 256, 12: 512 };
    return writeGguf({
      entries: entries.map((entry) => (wider[entry[0]] ? uint32Entry(entry[0], wider[entry[0]]!) : entry)),
      tensors: tensors.map(({ name, shape }, i) => {
        const wide = shape.map((size) => sizes[size] ?? size);
        const count = wide.reduce((product, size) => product * size, 1);
        if (wide.length === 1) return float32Tensor(name, wide, Array(count).fill(1));
        const [, id, type] = types[i % types.length]!;
        return {
          name,
          shape: wide,
          type: id,
          data: Buffer.alloc((count / type.blockSize) * type.bytesPerBlock),
        };
      }),
    });
  }

  /** Norms once more beside the kernels' weights, a pass's constants, what lies between parts: fewer than a matrix has. */
  const besides = 16 * 2 ** 10;
  /** On webgpu tensors are the kernels' buffers too. */
  const held = () => tf.memory().numBytes + (backendUnderTest("wasm") === "webgpu" ? 0 : heldByKernels());

  test("take what was said before they were read, of whatever types they are", async () => {
    await startBackend(backendUnderTest("wasm"));
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...storedTypes], { minLength: 1 }), async (types) => {
        const file = new Blob([new Uint8Array(wideLlamaFile(types))]);
        const { neededBytes } = await readNeeds(file, roomy);
        const before = held();
        using _ = await loadFrom(file, { weights: "stored" });
        const said = neededBytes - 256 * 2 ** 20;
        expect(Math.abs(held() - before - said), types.map(([name]) => name).join()).toBeLessThan(besides);
      }),
      { numRuns: casesOn(10), examples: [[[...storedTypes]]] },
    );
  });

  test("of types that become float32 are named where they are too many, with the ways out", async () => {
    await startBackend(backendUnderTest("wasm"));
    const some = storedTypes.filter(([name]) => ["Q3_K", "Q4_0", "IQ4_XS"].includes(name));
    const file = new Blob([new Uint8Array(wideLlamaFile(some))]);
    const { refusal } = await readNeeds(file, { limitBytes: 1000, matrixCopies: 1 });
    expect(refusal).toMatch(
      /0\.0 GiB of that are weights in (Q3_K, IQ4_XS|IQ4_XS, Q3_K), which become float32.* in Q4_0.* needs 0\.3 GiB\. Take .*--backend.*--engine llama\.cpp/,
    );
  });
});

test.each(["cpu", "wasm"])("on %s a tied embedding lies once", async (backend) => {
  await startBackend(backend);
  const before = tf.memory().numBytes;
  using model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }), { weights: "float32" });
  // Epsilon, the scores' factor, two masks of 2 heads and 1 group, a rotation of width 4.
  const constants = 1 + 1 + 2 * 2 + 4 * 4;
  expect(tf.memory().numBytes - before).toBe(4 * (model.parameterCount + constants));
});
