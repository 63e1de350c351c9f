/** A device that is lost rejects a read: whichever it is, that error arrives and nothing is left behind. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { TopModel } from "@amulet-ts/testing/models/top-model";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, test, vi } from "vitest";
import {
  amuletLoop,
  beamSearch,
  boundedMethod,
  chooseGreedily,
  createChooser,
  type DecodeRequest,
  decode,
  inspectPosition,
  paperParameters,
  scoreAnswer,
  withMinP,
} from "../src/index.js";

withoutLeaks("cpu");
afterEach(() => vi.restoreAllMocks());

const V = 6;
const toy = () =>
  new ToyModel((row) => Array.from({ length: V }, (_, a) => 4 * Math.sin(row.length + 3 * a)), V);
const prompts = { base: [1], preference: [1, 2] };

async function readAll(model: ToyModel | TopModel, change: Partial<DecodeRequest>): Promise<void> {
  const method = boundedMethod(0.2);
  const request = { ...prompts, method, choose: chooseGreedily, maxNewTokens: 2, ...change };
  for await (const _ of decode(model, [request]));
}

const calls: Record<string, () => Promise<unknown>> = {
  "a greedy answer": () => readAll(toy(), { reportDrift: true }),
  "an explained answer": () => readAll(toy(), { explain: true }),
  "a drawn answer": () => readAll(toy(), { choose: createChooser({ temperature: 1 }) }),
  "an answer from the best tokens": () =>
    readAll(new TopModel(toy(), 4), { method: withMinP(boundedMethod(1), 0.9) }),
  "a beam": () => beamSearch(toy(), prompts.preference, { beams: 2, maxNewTokens: 2 }),
  "a score": () => scoreAnswer(toy(), prompts, [0, 1, 2], [boundedMethod(0.2)]),
  "an inspected position": () =>
    inspectPosition(toy(), { prompts, position: 1, parameters: { ...paperParameters, iterations: 2 } }),
};

test.each(Object.entries(calls))("%s", async (_, call) => {
  const read = tf.Tensor.prototype.data;
  const before = tf.memory().numTensors;
  let reads = 0;
  for (let lost = 0, isOver = false; !isOver; lost++) {
    reads = 0;
    vi.spyOn(tf.Tensor.prototype, "data").mockImplementation(function (this: tf.Tensor) {
      return reads++ === lost ? Promise.reject(new Error("device lost")) : read.call(this);
    } as typeof read);
    const error = await call().then(
      () => undefined,
      (error: Error) => error,
    );
    isOver = lost >= reads;
    expect(error?.message).toBe(isOver ? undefined : "device lost");
    expect(tf.memory().numTensors).toBe(before);
  }
  expect(reads).toBeGreaterThan(0);
});

test("a watcher of the loop that throws leaves no tensor", () => {
  const [base, preference] = [tf.tensor2d([[0, -1]]), tf.tensor2d([[-1, 0]])];
  for (let at = 1; at <= 3; at++) {
    const watch = ({ t }: { t: number }) => {
      if (t === at) throw new Error("no more");
    };
    const before = tf.memory().numTensors;
    expect(() => amuletLoop(base, preference, { ...paperParameters, iterations: 2 }, watch)).toThrow(
      "no more",
    );
    expect(tf.memory().numTensors).toBe(before);
  }
  tf.dispose([base, preference]);
});
