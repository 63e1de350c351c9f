/** The worker as it is built, in a thread of Node's: this one goes on meanwhile, and ending the other ends all of it. */
import { Worker } from "node:worker_threads";
import { CoreError } from "@amulet-ts/core";
import { beforeAll, expect, test } from "vitest";
import { generate, openEngine, WebError } from "../src/index.js";
import { embeddedFiles } from "./in-one-thread.js";

const asked = { question: "How do I make a cup of tea?", preference: "Your answer should be uplifting." };

let model: Record<string, Blob>;
beforeAll(async () => {
  model = await embeddedFiles();
});

/** A worker that tells when it is gone. */
function startWorker(script = new URL("../dist/worker.js", import.meta.url)) {
  const worker = new Worker(script);
  return { worker, gone: new Promise<number>((tell) => worker.on("exit", tell)) };
}

test("timers of this thread run while the worker answers, and disposal ends the thread", async () => {
  const { worker, gone } = startWorker();
  const engine = await openEngine({ worker, model, backend: "wasm" });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const ticksAt: number[] = [];
  let text = "";
  for await (const piece of generate(engine.model, { ...asked, maxNewTokens: 60 })) {
    text += piece.text;
    if (piece.id !== undefined) ticksAt.push(ticks);
  }
  clearInterval(timer);
  expect(text).toMatch(/^You are going to do so well with tea!/);
  // Not only at the beginning and at the end: between most tokens that took 5 ms.
  expect(new Set(ticksAt).size).toBeGreaterThan(5);
  expect((await engine.memory()).numTensors).toBeGreaterThan(0);
  const late = generate(engine.model, asked);
  const first = late.next();
  await engine.dispose();
  await expect(first).rejects.toMatchObject({ name: "WebError", code: "closed" });
  await expect(engine.memory()).rejects.toMatchObject({ code: "closed" });
  await gone;
});

test.each([1, 5])("aborted after %i parameters: a typed error, and the thread is gone", async (stop) => {
  const { worker, gone } = startWorker();
  const controller = new AbortController();
  let seen = 0;
  const onProgress = () => ++seen === stop && controller.abort("enough");
  const opening = openEngine({ worker, model, backend: "wasm", signal: controller.signal, onProgress });
  const error = await opening.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(CoreError);
  expect(error).toMatchObject({ code: "aborted", cause: "enough" });
  await gone;
});

test("a callback that throws ends the opening with its error, and the thread", async () => {
  const { worker, gone } = startWorker();
  const onProgress = () => {
    throw new RangeError("of the caller");
  };
  const opening = openEngine({ worker, model, backend: "wasm", onProgress });
  await expect(opening).rejects.toThrow(new RangeError("of the caller"));
  await gone;
});

test("a worker that does not start, or dies, is told of", async () => {
  const { worker } = startWorker(new URL("../dist/none.js", import.meta.url));
  const opening = openEngine({ worker, model });
  await expect(opening).rejects.toMatchObject({
    name: "WebError",
    code: "worker-failed",
    message: expect.stringMatching(/none\.js/),
  });

  const { worker: mortal } = startWorker();
  const engine = await openEngine({ worker: mortal, model, backend: "wasm" });
  const answering = generate(engine.model, asked).next();
  await mortal.terminate();
  await expect(answering).rejects.toBeInstanceOf(WebError);
  await expect(answering).rejects.toMatchObject({
    code: "worker-failed",
    message: expect.stringMatching(/ended with status 1/),
  });
});
