/** Sessions over pages of kernels: a step that fails leaves them as they were, forks share pages, and nothing is left behind. */

import { heldByKernels, withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest, expectWithin } from "@amulet-ts/testing/backends/under-test";
import { place } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import {
  checkpoints,
  distance,
  loadFixture,
  prefill,
  readReference,
  readRows,
  toleranceOf,
} from "@amulet-ts/testing/reference/checkpoints";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test, vi } from "vitest";
import { loadModel } from "../src/index.js";
import { storedKernels } from "../src/weights/stored-kernels.js";

const backend = backendUnderTest("wasm");
withoutLeaks(backend);

const prompt = [
  [1, 2, 3],
  [4, 5],
];

/** Lets the given call of a kernel fail. */
function failAt(failing: number, act: () => void): void {
  const { runKernel } = tf.engine();
  let calls = 0;
  const spy = vi.spyOn(tf.engine(), "runKernel").mockImplementation((...call) => {
    if (++calls === failing) throw new Error("no room");
    return runKernel.apply(tf.engine(), call) as never;
  });
  act();
  spy.mockRestore();
}

/** Calls before the first block, beside looking up tokens, and GPT-2's positions: calls on webgpu, and none on wasm. */
const callsBefore: Readonly<Record<string, number>> = { gemma3: 1, gpt2: 1 };
const lookUps = (family: string) => (backend !== "webgpu" ? 0 : family === "gpt2" ? 2 : 1);

/** Calls of a step that may fail: on wasm it has no more; what fails within one is told by kernels' own tests. */
const failures = backend === "webgpu" ? [1, 2, 3, 4, 7, 9] : [1, 2];

test.each(checkpoints)(
  "a step of %s, %s, is few calls where kernels hold its weights",
  async (folder, family) => {
    using model = await loadFixture(folder);
    using session = model.openTensorSession(2);
    session.append(prompt).dispose();
    const calls = vi.spyOn(tf.engine(), "runKernel");
    session.append([[6], [7]]).dispose();
    // All blocks and the head; on a card four a block.
    const { blockCount } = model.config as { readonly blockCount: number };
    const ofBlocks = backend === "webgpu" ? 4 * blockCount : 1;
    expect(calls.mock.calls.length).toBe(lookUps(family) + (callsBefore[family] ?? 0) + ofBlocks + 1);
    calls.mockRestore();
  },
);

test.each(checkpoints)(
  "%s gives the reference's logits from float32 weights beside kernels",
  async (folder) => {
    using model = await loadFixture(folder, { weights: "float32" });
    for (const reference of readReference(folder)) {
      const logits = await prefill(model, reference.input_ids);
      expectWithin(distance(logits, reference.logits), toleranceOf(folder, reference, backend));
    }
  },
);

test.each(["llama-mha-untied", "gpt2", "gemma3-text"])(
  "%s leaves nothing where its parameters find no room beside its weights",
  async (folder) => {
    const kernels = storedKernels()!;
    const { fuse } = kernels;
    const spy = vi.spyOn(kernels as Required<typeof kernels>, "fuse").mockImplementation((part) => ({
      ...fuse!.call(kernels, part),
      hold: (...given) => {
        fuse!.call(kernels, part).hold(...given);
        throw new Error("no room");
      },
    }));
    await expect(loadFixture(folder)).rejects.toThrow("no room");
    spy.mockRestore();
  },
);

test.each(failures)("a step of gpt2 and gemma3 whose call %i fails changes nothing", async (failing) => {
  for (const folder of ["gpt2", "gemma3-text"]) {
    using model = await loadFixture(folder);
    using session = model.openTensorSession(2);
    using undisturbed = model.openTensorSession(2);
    for (const one of [session, undisturbed]) one.append(prompt).dispose();
    const before = tf.memory().numTensors;
    failAt(failing, () => expect(() => session.append([[6], [7]])).toThrow("no room"));
    expect(tf.memory().numTensors).toBe(before);
    expect(await readRows(session.append([[6], [7]]))).toEqual(
      await readRows(undisturbed.append([[6], [7]])),
    );
  }
});

test.each(failures)("a step whose call %i fails changes nothing", async (failing) => {
  using model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));
  using session = model.openTensorSession(2);
  using undisturbed = model.openTensorSession(2);
  for (const one of [session, undisturbed]) one.append(prompt).dispose();
  for (const tokens of [
    [[6], [7]],
    [Array(40).fill(8), [9]],
  ]) {
    const before = tf.memory().numTensors;
    failAt(failing, () => expect(() => session.append(tokens)).toThrow("no room"));
    expect(tf.memory().numTensors).toBe(before);
    expect(session.lengths).toEqual(undisturbed.lengths);
    expect(await readRows(session.append(tokens))).toEqual(await readRows(undisturbed.append(tokens)));
  }
});

test("20 loads and disposals leave no weight, page or thread; 200 are an extra test", async () => {
  const file = await place({ "tiny.gguf": tinyLlamaFile() });
  const held = heldByKernels();
  let first: Float32Array[] | undefined;
  for (let load = 0; load < 20; load++) {
    using model = await loadModel(file);
    expect(heldByKernels()).toBeGreaterThan(held);
    using session = model.openTensorSession(2);
    session.append(prompt).dispose();
    const rows = await readRows(session.append([[6], [7]]));
    first ??= rows;
    expect(rows).toEqual(first);
  }
  expect(heldByKernels()).toBe(held);
});

/** Three pages, the last of them not full. */
const long = Array.from({ length: 40 }, (_, t) => (7 * t + 3) % 200);

test("a fork takes no page but a copy of the last one, whoever writes to it first, and hears nothing of the original", async () => {
  using model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));
  for (const forkFirst of [true, false]) {
    using fresh = model.openTensorSession(1);
    fresh.append([long]).dispose();
    const onePage = heldByKernels();
    using session = model.openTensorSession(1);
    session.append([long]).dispose();
    const held = heldByKernels();
    // A row of 40 tokens is two pages.
    const page = (held - onePage) / 2;
    using fork = session.fork([0]);
    using third = model.openTensorSession(0);
    third.include(fork);
    expect(heldByKernels()).toBe(held);
    const [last, next] = [[[6]], [[7, 8]]];
    const [one, other] = forkFirst ? [fork, session] : [session, fork];
    one.append([[100, 101, 102]]).dispose();
    expect(heldByKernels()).toBe(held);
    const came = [await readRows(other.append(last)), await readRows(other.append(next))];
    expect(heldByKernels()).toBe(held + page);
    // Bit by bit: the same calls on the same numbers.
    expect(came).toEqual([await readRows(fresh.append(last)), await readRows(fresh.append(next))]);
    fresh.rewind([40]);
    other.dispose();
    expect(await readRows(third.append(last))).toEqual(await readRows(fresh.append(last)));
  }
});

test.each(failures)(
  "a step of a fork whose call %i fails changes neither it nor the original",
  async (failing) => {
    using model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));
    using session = model.openTensorSession(1);
    session.append([long]).dispose();
    using fork = session.fork([0]);
    using fresh = model.openTensorSession(1);
    fresh.append([long]).dispose();
    const held = heldByKernels();
    for (const one of [fork, session]) {
      failAt(failing, () => expect(() => one.append([[6, 7]])).toThrow("no room"));
      expect(heldByKernels()).toBe(held);
    }
    for (const one of [fork, session]) {
      expect(one.lengths).toEqual([40]);
      fresh.rewind([40]);
      expect(await readRows(one.append([[9]]))).toEqual(await readRows(fresh.append([[9]])));
    }
  },
);

test("rows of another model, or of no session, are refused, and the session stays", async () => {
  using model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));
  using other = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));
  using session = model.openTensorSession(1);
  using foreign = other.openTensorSession(1);
  session.append([[1, 2]]).dispose();
  foreign.append([[1, 2]]).dispose();
  const refused = expect.objectContaining({
    code: "bad-request",
    message: expect.stringMatching(/same model/),
  });
  expect(() => session.include(foreign)).toThrow(refused);
  await expect(model.openSession(1).include!({} as never)).rejects.toEqual(refused);
  expect(() => session.fork([1])).toThrow(expect.objectContaining({ code: "bad-token" }));
  expect(session.lengths).toEqual([2]);
});

test.each(["stored", "float32"] as const)(
  "a session without rows says so where it should read, weights %s",
  async (weights) => {
    using model = await loadModel(await place({ "tiny.gguf": tinyLlamaFile() }), { weights });
    using session = model.openTensorSession(0);
    expect(() => session.append([])).toThrow(/has no rows/);
    expect(() => session.appendAll([])).toThrow(/has no rows/);
  },
);
