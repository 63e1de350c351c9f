/** 20,000 tokens, answer after answer: as many tensors and bytes at the end as at the beginning, and no more memory. */
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startBackend } from "@amulet-ts/backends";
import { generate } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { loadModel, type Model } from "@amulet-ts/models";
import { heldByKernels } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** MiB of the process, once the collector is through and threads that were told to end have ended. */
async function residentMiB(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collect();
    await sleep(100);
  }
  return process.memoryUsage().rss / 2 ** 20;
}

async function say(model: Model, tokens: number): Promise<void> {
  const likes = ["concise", "creative", "formal", "uplifting", "verbose"];
  for (let said = 0, n = 0; said < tokens; n++) {
    const preference = `Your answer should be ${likes[n % likes.length]}.`;
    const question = "What helps with coffee?";
    for await (const { id } of generate(model, { question, preference, temperature: 1, seed: n }))
      if (id !== undefined) said++;
  }
}

test("wasm", async () => {
  await startBackend("wasm");
  const model = await loadModel(embeddedModelFolder);
  await say(model, 2000);
  const { numTensors, numBytes } = tf.memory();
  const before = await residentMiB();
  await say(model, 20_000);
  expect(tf.memory()).toMatchObject({ numTensors, numBytes });
  // A kB of every token that stayed would be 20 MB; the rest is what the allocator keeps.
  expect((await residentMiB()) - before).toBeLessThan(16);
  model.dispose();
});

test("200 loads, steps and disposals leave no weight, page, thread or memory", async () => {
  await startBackend("wasm");
  const load = async () => {
    using model = await loadModel(embeddedModelFolder);
    expect(heldByKernels()).toBeGreaterThan(0);
    await say(model, 8);
  };
  for (let n = 0; n < 20; n++) await load();
  const { numTensors, numBytes } = tf.memory();
  const before = await residentMiB();
  for (let n = 0; n < 200; n++) await load();
  expect(tf.memory()).toMatchObject({ numTensors, numBytes });
  expect(heldByKernels()).toBe(0);
  // A thread that stayed would be some MB, a model 2: of 200 far more than what the allocator keeps.
  expect((await residentMiB()) - before).toBeLessThan(32);
});
