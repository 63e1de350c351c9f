/** A wasm heap that fills up in the middle of an answer: an error, and a session that is where it was. */
import { startBackend } from "@amulet-ts/backends";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { loadModel } from "../src/index.js";
import { readRows } from "./families/fixtures.js";
import { place } from "./formats/checkpoint-writer.js";
import { tinyLlamaFile } from "./tiny-llama.js";

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

test("tokens that find no room are an error; with room again the session goes on from where it was", async () => {
  using model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));
  using session = model.openSession(2);
  using undisturbed = model.openSession(2);
  const [prompt, next] = [
    [
      [1, 2, 3],
      [4, 5],
    ],
    [[6], [7]],
  ];
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
