/** While an answer grows the host lives: timers run, and an abort by timer is heard. */
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { type NextLogits, ToyModel } from "@amulet-ts/testing/models/toy-model";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  amuletMethod,
  baseMethod,
  beamSearch,
  chooseGreedily,
  decode,
  type LanguageModel,
  preferenceMethod,
  prefill,
  scoreAnswer,
} from "../src/index.js";

withoutLeaks("cpu");

const stepMs = 3;
const V = 8;

/** Computes for three milliseconds at every token, as a model does, and never waits. */
const busy: NextLogits = (row) => {
  const end = performance.now() + stepMs;
  while (performance.now() < end);
  return Array.from({ length: V }, (_, i) => Math.sin(row.length * (i + 1)));
};

const model = () => new ToyModel(busy, V, new Set(), 100_000);

async function decodeAll(model: LanguageModel, signal?: AbortSignal): Promise<void> {
  const request = {
    base: [1],
    preference: [2],
    method: amuletMethod(),
    choose: chooseGreedily,
    maxNewTokens: 100_000,
  };
  for await (const _ of decode(model, [request], signal ? { signal } : {}));
}

/** Everything in core that works for long. */
const work: Record<string, (model: LanguageModel, signal: AbortSignal) => Promise<unknown>> = {
  decode: decodeAll,
  beamSearch: (model, signal) => beamSearch(model, [1], { maxNewTokens: 50_000, beams: 2, signal }),
  scoreAnswer: (model, signal) =>
    scoreAnswer(
      model,
      { base: [1], preference: [2] },
      Array(50_000).fill(3),
      [baseMethod(), preferenceMethod()],
      {
        signal,
      },
    ),
  prefill: async (model, signal) => {
    const session = model.openSession(1);
    try {
      return await prefill(session, [Array(50_000).fill(3)], { signal });
    } finally {
      await session.dispose();
    }
  },
};

describe.each(Object.entries(work))("%s", (_, run) => {
  test("ends by a timer's abort, with the one typed error and nothing left", async () => {
    const toy = model();
    await expect(run(toy, AbortSignal.timeout(60))).rejects.toMatchObject({
      name: "CoreError",
      code: "aborted",
    });
    expect(toy.openSessions).toBe(0);
  });
});

test("a timer is not kept waiting longer than a few steps", async () => {
  const toy = model();
  const abort = new AbortController();
  let read = 0;
  const gaps: number[] = [];
  const timer = setInterval(() => {
    gaps.push(toy.tokensRead - read);
    read = toy.tokensRead;
    if (gaps.length === 12) abort.abort();
  }, 5);
  await expect(decodeAll(toy, abort.signal)).rejects.toMatchObject({ code: "aborted" });
  clearInterval(timer);
  // The loop turns after at most 12 ms of work: four passes of two rows, and the one that was under way.
  expect(Math.max(...gaps.slice(1))).toBeLessThanOrEqual(2 * 5);
});

describe("where the host has no setImmediate", () => {
  const { setImmediate } = globalThis;
  beforeEach(() => vi.stubGlobal("setImmediate", undefined));
  afterEach(() => vi.unstubAllGlobals());

  test("messages turn the event loop, as in a page", async () => {
    expect(setImmediate).toBeDefined();
    await expect(decodeAll(model(), AbortSignal.timeout(60))).rejects.toMatchObject({ code: "aborted" });
  });

  test("timers do, where there are no messages either", async () => {
    vi.stubGlobal("MessageChannel", undefined);
    await expect(decodeAll(model(), AbortSignal.timeout(60))).rejects.toMatchObject({ code: "aborted" });
  });
});
