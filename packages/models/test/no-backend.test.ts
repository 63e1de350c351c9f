/** Whoever forgets to start a backend is told so, by core and by models, and not by TensorFlow.js. */
import { baseMethod, beamSearch, decode, Scheduler, scoreAnswer } from "@amulet-ts/core";
import { inBlob } from "@amulet-ts/files";
import { writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { loadModel } from "../src/loading/load-model.js";

// Another file in this process may have registered one.
beforeAll(() => {
  for (const name of Object.keys(tf.engine().registryFactory)) tf.removeBackend(name);
});

const toy = new ToyModel(() => [1, 2], 2);
const request = { base: [0], method: baseMethod(), choose: () => 0, maxNewTokens: 2 };

const uses: Record<string, () => Promise<unknown>> = {
  loadModel: () => loadModel(inBlob(new Blob([Uint8Array.from(writeGguf(tinyLlama()))]), "tiny.gguf")),
  decode: () => decode(toy, [request]).next(),
  beamSearch: () => beamSearch(toy, [0], { maxNewTokens: 2 }),
  scoreAnswer: () => scoreAnswer(toy, { base: [0], preference: [1] }, [1], [baseMethod()]),
  Scheduler: () => new Scheduler(toy).answer(request).next(),
};

test.each(Object.entries(uses))("%s", async (_, use) => {
  await expect(use()).rejects.toMatchObject({
    name: "CoreError",
    code: "no-backend",
    message: expect.stringMatching(/^No backend of TensorFlow\.js is running.*startBackend/),
  });
  expect(toy.openSessions).toBe(0);
});
