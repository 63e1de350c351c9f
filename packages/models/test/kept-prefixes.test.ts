/** Prompts that begin alike are read once, by answers that come one after another, with what each says alone. */

import { startBackend } from "@amulet-ts/backends";
import {
  amuletMethod,
  chooseGreedily,
  type DecodeRequest,
  decode,
  type LanguageModel,
  Scheduler,
  type SchedulerBounds,
} from "@amulet-ts/core";
import { heldByKernels } from "@amulet-ts/testing/backends/no-leaks";
import { place, uint32Entry, writeGguf } from "@amulet-ts/testing/files/checkpoint-writer";
import { tinyLlama } from "@amulet-ts/testing/models/tiny-llama";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { loadModel, type Model } from "../src/index.js";

const shared = Array.from({ length: 500 }, (_, i) => (i * i + 3 * i) % 250);

/** Eight questions behind the same beginning. A preference prompt is two tokens longer. */
const requests = Array.from({ length: 8 }, (_, i): DecodeRequest => {
  const question = [...shared, 10 + i, 90 + 5 * i];
  return {
    base: question,
    preference: [...question, 7 + i, 200],
    method: amuletMethod(),
    choose: chooseGreedily,
    maxNewTokens: 5,
  };
});

/** Tokens of an answer that are nobody else's: both questions, what the preference adds, and four said in two rows. */
const own = 2 + 2 + 2 + 2 * 4;

/** Counts what its sessions read, in a list that is given. */
function counted(model: Model, read: number[]): LanguageModel {
  const { name, vocabularySize, contextLength, endTokens, coverage } = model;
  const openSession = (rowCount: number) => {
    const session = model.openSession(rowCount);
    const append = session.append.bind(session);
    session.append = (tokens, ...rest) => {
      read.push(tokens.flat().length);
      return append(tokens, ...rest);
    };
    return session;
  };
  return { name, vocabularySize, contextLength, endTokens, coverage, openSession };
}

async function ask(model: Model, bounds: SchedulerBounds = {}) {
  const read: number[] = [];
  const scheduler = new Scheduler(counted(model, read), bounds);
  const said: unknown[] = [];
  const tokens: number[] = [];
  for (const request of requests) {
    const before = read.reduce((sum, count) => sum + count, 0);
    said.push(await collect(scheduler.answer(request)));
    // Its rows are put away.
    while (scheduler.load.running > 0) await new Promise(setImmediate);
    tokens.push(read.reduce((sum, count) => sum + count, 0) - before);
  }
  await scheduler.dispose();
  return { said, tokens };
}

async function collect(events: AsyncIterable<unknown>) {
  const all: unknown[] = [];
  for await (const event of events) all.push(withoutNumbers(event as { readonly type: string }));
  return all;
}

/** Which numbers the answers had is nothing to compare, and logarithms differ in their last bits. */
const withoutNumbers = ({ type, id, reason }: { type: string; id?: number; reason?: string }) =>
  type === "token" ? id : reason;

test.each([true, false])(
  "with kernels %s, 500 tokens are read by the first of eight answers",
  async (kernels) => {
    await startBackend("wasm", { kernels });
    const { entries, tensors } = tinyLlama();
    const file = writeGguf({
      entries: entries.map((entry) =>
        entry[0] === "llama.context_length" ? uint32Entry("llama.context_length", 600) : entry,
      ),
      tensors,
    });
    const before = [tf.memory().numTensors, heldByKernels()];
    const model = await loadModel(await place({ "tiny.gguf": file }));
    const alone = await Promise.all(requests.map((request) => collect(decode(model, [request]))));
    const kept = await ask(model);
    expect(kept.said).toEqual(alone);
    expect(new Set(alone.map(String)).size).toBeGreaterThan(1);
    // Both prompts' common beginning goes on into the question, but for the last token.
    expect(kept.tokens[0]).toBe(500 + own - 1);
    expect(kept.tokens.slice(1)).toEqual(Array(7).fill(own));
    const unkept = await ask(model, { prefixTokens: 0 });
    expect(unkept.said).toEqual(alone);
    expect(Math.min(...unkept.tokens)).toBe(500 + own - 1);
    model.dispose();
    expect([tf.memory().numTensors, heldByKernels()]).toEqual(before);
  },
);
