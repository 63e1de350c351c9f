/** Sessions over pages of kernels: a step that fails leaves them as they were, and nothing is left behind. */

import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { place } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import { readRows } from "@amulet-ts/testing/reference/checkpoints";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test, vi } from "vitest";
import { loadModel } from "../src/index.js";

withoutLeaks("wasm");

const prompt = [
  [1, 2, 3],
  [4, 5],
];

test("a step of a model whose weights kernels hold is few calls", async () => {
  using model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));
  using session = model.openTensorSession(2);
  session.append(prompt).dispose();
  const calls = vi.spyOn(tf.engine(), "runKernel");
  session.append([[6], [7]]).dispose();
  // Four a block, and the head.
  expect(calls.mock.calls.length).toBe(4 * (model.config as { readonly blockCount: number }).blockCount + 1);
  calls.mockRestore();
});

test.each([1, 2, 3, 4, 7, 9])("a step whose call %i fails changes nothing", async (failing) => {
  using model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));
  using session = model.openTensorSession(2);
  using undisturbed = model.openTensorSession(2);
  for (const one of [session, undisturbed]) one.append(prompt).dispose();
  for (const tokens of [
    [[6], [7]],
    [Array(40).fill(8), [9]],
  ]) {
    const { runKernel } = tf.engine();
    const before = tf.memory().numTensors;
    let calls = 0;
    const spy = vi.spyOn(tf.engine(), "runKernel").mockImplementation((...call) => {
      if (++calls === failing) throw new Error("no room");
      return runKernel.apply(tf.engine(), call) as never;
    });
    expect(() => session.append(tokens)).toThrow("no room");
    spy.mockRestore();
    expect(tf.memory().numTensors).toBe(before);
    expect(session.lengths).toEqual(undisturbed.lengths);
    expect(await readRows(session.append(tokens))).toEqual(await readRows(undisturbed.append(tokens)));
  }
});
