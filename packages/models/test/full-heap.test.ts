/** A wasm heap that fills up in the middle of an answer: an error, and a session that is where it was. */
import { startBackend } from "@amulet-ts/backends";
import { place } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import { readRows } from "@amulet-ts/testing/reference/checkpoints";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test, vi } from "vitest";
import { loadModel, type Model } from "../src/index.js";

beforeAll(() => startBackend("wasm"));

interface Heap {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** Takes all of the heap down to blocks of a KiB; addresses only, nobody writes there. */
function takeAll({ _malloc }: Heap): number[] {
  const taken: number[] = [];
  for (let bytes = 2 ** 28; bytes >= 2 ** 10; bytes /= 4) {
    try {
      for (;;) taken.push(_malloc(bytes));
    } catch {
      // Full, for blocks of that size.
    }
  }
  return taken;
}

async function loadTiny(): Promise<Model> {
  return loadModel(await place({ "tiny.gguf": tinyLlamaFile() }), { weights: "float32" });
}

const [prompt, next] = [
  [
    [1, 2, 3],
    [4, 5],
  ],
  [[6], [7]],
];

test("tokens that find no room are an error; with room again the session goes on from where it was", async () => {
  using model = await loadTiny();
  using session = model.openTensorSession(2);
  using undisturbed = model.openTensorSession(2);
  for (const one of [session, undisturbed]) one.append(prompt).dispose();
  const before = tf.memory().numTensors;

  const heap = (tf.backend() as unknown as { wasm: Heap }).wasm;
  const taken = takeAll(heap);
  const refusal = expect.objectContaining({ code: "out-of-memory" });
  expect(() => session.append([Array(40).fill(8), Array(40).fill(9)])).toThrow(refusal);
  expect(session.lengths).toEqual([3, 2]);
  expect(tf.memory().numTensors, "tensors left behind").toBe(before);
  for (const address of taken) heap._free(address);

  expect(await readRows(session.append(next))).toEqual(await readRows(undisturbed.append(next)));
  expect(session.lengths).toEqual([4, 3]);
});

test.each(["append", "appendAll"] as const)(
  "%s whose logits alone find no room changes nothing either",
  async (name) => {
    using model = await loadTiny();
    using session = model.openTensorSession(2);
    using undisturbed = model.openTensorSession(2);
    for (const one of [session, undisturbed]) one.append(prompt).dispose();
    // A token for each row joins the shared tail, several for one row the long parts: either is given up once.
    for (const tokens of [next, [Array(12).fill(8), [9]]]) {
      const before = [tf.memory().numTensors, tf.backend().numDataIds()];
      const { runKernel } = tf.engine();
      const failing = vi.spyOn(tf.engine(), "runKernel").mockImplementation(function (
        this: unknown,
        ...call
      ) {
        const { b } = call[1] as { b?: tf.Tensor };
        if (call[0] === "BatchMatMul" && b!.shape[1] === model.vocabularySize)
          throw new Error("no room for logits");
        return runKernel.apply(tf.engine(), call) as never;
      });
      expect(() => session[name](tokens)).toThrow("no room for logits");
      failing.mockRestore();
      expect([tf.memory().numTensors, tf.backend().numDataIds()]).toEqual(before);
      expect(session.lengths).toEqual(undisturbed.lengths);
      const [came, expected] = [session.append(tokens), undisturbed.append(tokens)];
      expect(await readRows(came)).toEqual(await readRows(expected));
    }
  },
);
