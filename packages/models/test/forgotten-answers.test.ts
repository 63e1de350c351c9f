/** An answer that somebody leaves in its middle, without ending or aborting it, leaves nothing with the model or for ever. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startBackend } from "@amulet-ts/backends";
import { amuletMethod, chooseGreedily, decode } from "@amulet-ts/core";
import { heldByKernels } from "@amulet-ts/testing/backends/no-leaks";
import { place } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { loadModel, type Model } from "../src/index.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const held = () => [tf.memory().numTensors, heldByKernels()];
const load = async () => loadModel(await place({ "tiny.gguf": tinyLlamaFile() }));

function answer(model: Model) {
  const request = {
    base: [5, 6, 7],
    preference: [5, 6, 7, 8],
    method: amuletMethod(),
    choose: chooseGreedily,
  };
  return decode(model, [{ ...request, maxNewTokens: 5 }]);
}

/** Nothing of it can be reached when this returns. */
async function forgetAnswer(model: Model): Promise<void> {
  await answer(model).next();
}

/** Finalizers run between two turns of the event loop, some time after a collection. */
async function untilHeld(expected: readonly number[]): Promise<void> {
  for (let turn = 0; turn < 200 && String(held()) !== String(expected); turn++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each([
  ["cpu", false],
  ["wasm", false],
  ["wasm", true],
] as const)("on %s with kernels %s", (backend, kernels) => {
  test("it goes with its model, and says so to whoever asks on", async () => {
    await startBackend(backend, { kernels });
    const before = held();
    const model = await load();
    const loaded = held();
    const forgotten = answer(model);
    await forgotten.next();
    expect(held()).not.toEqual(loaded);
    model.dispose();
    expect(held()).toEqual(before);
    await expect(forgotten.next()).rejects.toThrow("was disposed of: load it again");
    expect(held()).toEqual(before);
  });

  test("it goes when nobody can ask on", async () => {
    await startBackend(backend, { kernels });
    using model = await load();
    const loaded = held();
    await forgetAnswer(model);
    expect(held()).not.toEqual(loaded);
    await untilHeld(loaded);
    expect(held()).toEqual(loaded);
  });

  test("a forgotten fork takes nothing from the session it was made of", async () => {
    await startBackend(backend, { kernels });
    using model = await load();
    const loaded = held();
    const say = async (alone?: readonly number[]) => {
      const session = model.openSession(1);
      await read(session, [5, 6, 7]);
      if (alone) await forgetFork(session);
      await read(session, [8]);
      if (alone) await untilHeld(alone);
      const holds = held();
      const logits = await read(session, [10]);
      await session.dispose();
      return { holds, logits };
    };
    const alone = await say();
    expect(await say(alone.holds)).toEqual(alone);
    expect(held()).toEqual(loaded);
  });
});

type Session = ReturnType<Model["openSession"]>;

async function read(session: Session, tokens: readonly number[]): Promise<unknown> {
  const { logits_RC } = await session.append([tokens]);
  const logits = logits_RC.arraySync();
  logits_RC.dispose();
  return logits;
}

async function forgetFork(session: Session): Promise<void> {
  const fork = await session.fork!([0]);
  await read(fork, [9, 11]);
}
