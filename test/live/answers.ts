/** What "the host lives while a model answers" means, on any backend: ticks, aborts by timer, changes and misuses in mid-answer. */
import { startBackend } from "@amulet-ts/backends";
import { amuletMethod, chooseGreedily, Decoder, generate, xoshiro128 } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { loadModel, type Model } from "@amulet-ts/models";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";

const asked = { question: "What helps with coffee?", preference: "Your answer should be concise." };

/** All pieces of an answer. */
async function answer(
  model: Model,
  options: { maxNewTokens?: number; signal?: AbortSignal } = {},
): Promise<number> {
  let pieces = 0;
  for await (const _ of generate(model, { ...asked, maxNewTokens: 100, ...options })) pieces++;
  return pieces;
}

/** @param aborts how many answers are aborted, each after a time of its own. @param other a backend to change to */
export function holdLiveAnswers(backend: string, aborts: number, other: string): void {
  let model: Model;
  beforeAll(async () => {
    await startBackend(backend);
    model = await loadModel(embeddedModelFolder);
  });
  afterAll(() => model.dispose());
  withoutLeaks(backend);

  test("an interval of 5 ms ticks while answers grow", async () => {
    const inMidAnswer = new Set<string>();
    let [answers, said] = [0, 0];
    const timer = setInterval(() => said > 0 && inMidAnswer.add(`${answers} ${said}`), 5);
    // A short answer of a fast machine has little time for ticks.
    for (; answers < 8 && inMidAnswer.size < 4; answers++) {
      for await (const piece of generate(model, { ...asked, maxNewTokens: 100 }))
        said = piece.answer ? 0 : said + 1;
    }
    clearInterval(timer);
    expect(inMidAnswer.size, "numbers of pieces that it saw").toBeGreaterThanOrEqual(4);
  });

  test(`${aborts} aborts at random times, by timer, each end in the one error`, async () => {
    const random = xoshiro128(17);
    // The first one is compiled as it runs, and takes longer than those that are aborted.
    await answer(model);
    const started = performance.now();
    await answer(model);
    const whole = performance.now() - started;
    const before = tf.memory().numTensors;
    let aborted = 0;
    for (let i = 0; i < aborts; i++) {
      const signal = AbortSignal.timeout(Math.floor(random() * whole));
      try {
        await answer(model, { signal });
      } catch (error) {
        aborted++;
        expect(error).toMatchObject({ name: "CoreError", code: "aborted" });
      }
      expect(tf.memory().numTensors).toBe(before);
    }
    expect(aborted).toBeGreaterThan(0);
  });

  test("a change of backend in mid-answer, and back, leaves nothing", async () => {
    await startBackend(other);
    for (const [first, then] of [
      [backend, other],
      [other, backend],
    ]) {
      await startBackend(first!);
      const own = await loadModel(embeddedModelFolder);
      let pieces = 0;
      // It goes on there, or it ends in an error: nothing is left either way.
      const run = async () => {
        for await (const _ of generate(own, { ...asked, maxNewTokens: 12 })) {
          if (++pieces === 4) await tf.setBackend(tf.getBackend() === first ? then! : first!);
        }
      };
      await run().catch(() => {});
      own.dispose();
    }
    await startBackend(backend);
  });

  test("a model that is gone is told of, and so is a decoder", async () => {
    const own = await loadModel(embeddedModelFolder);
    const decoder = new Decoder(own);
    const request = {
      base: [1, 2],
      preference: [3],
      method: amuletMethod(),
      choose: chooseGreedily,
      maxNewTokens: 5,
    };
    decoder.join(request);
    await decoder.step();
    const late = decoder.step();
    await Promise.all([expect(late).rejects.toMatchObject({ code: "aborted" }), decoder.dispose()]);
    own.dispose();
    own.dispose();
    await expect(answer(own)).rejects.toMatchObject({
      name: "ModelError",
      message: expect.stringContaining("disposed of"),
    });
  });
}
