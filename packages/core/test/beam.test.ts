import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { type NextLogits, ToyModel } from "@amulet-ts/testing/models/toy-model";
import { oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type BeamOptions, beamSearch } from "../src/decode/beam.js";
import { chooseGreedily, decode, preferenceMethod } from "../src/index.js";

withoutLeaks(backendUnderTest("cpu"));

/** Logits by a small hash of the row's tokens and their order. */
const tangled =
  (seed: number, size: number): NextLogits =>
  (row) => {
    const hash = row.reduce((sum, token) => Math.imul(sum, 31) + token + 7, 17 + seed);
    return Array.from({ length: size }, (_, i) => 3 * Math.sin((hash % 1009) * (i + 1.3)));
  };

interface Sequence {
  readonly ids: readonly number[];
  readonly sum: number;
  readonly score: number;
}

/** Every answer there is: all token sequences that end with the end token, or are as long as allowed. */
function everyAnswer(
  next: NextLogits,
  prompt: readonly number[],
  end: number,
  longest: number,
  power: number,
) {
  const answers: Sequence[] = [];
  const grow = (said: readonly number[], sum: number) => {
    const logs = oracles.logSoftmax(next([...prompt, ...said]));
    for (const [id, log] of logs.entries()) {
      const [ids, total] = [[...said, id], sum + log];
      const score = total / ids.length ** power;
      if (id === end) answers.push({ ids: said, sum: total, score });
      else if (ids.length === longest) answers.push({ ids, sum: total, score });
      else grow(ids, total);
    }
  };
  grow([], 0);
  return answers;
}

const search = (model: ToyModel, options: Partial<BeamOptions> = {}) =>
  beamSearch(model, [1, 2], { maxNewTokens: 4, ...options });

test("with a beam for every sequence, the search finds the best of all answers", async () => {
  const any = fc.record({
    seed: fc.nat(999),
    size: fc.integer({ min: 3, max: 4 }),
    longest: fc.integer({ min: 1, max: 4 }),
    lengthPenalty: fc.constantFrom(1, 0, 0.5, 2, -1),
  });
  await fc.assert(
    fc.asyncProperty(any, async ({ seed, size, longest, lengthPenalty }) => {
      const next = tangled(seed, size);
      const model = new ToyModel(next, size, new Set([0]));
      const found = await search(model, { beams: size ** longest, lengthPenalty, maxNewTokens: longest });
      const all = everyAnswer(next, [1, 2], 0, longest, lengthPenalty);
      const best = all.reduce((a, b) => (b.score > a.score ? b : a));
      expect(found.ids).toEqual(best.ids);
      // Float32 log-probabilities of at most 10, added up to four times.
      expect(Math.abs(found.logProbability - best.sum)).toBeLessThan(1e-5);
      expect(Math.abs(found.score - best.score)).toBeLessThan(4e-5);
      expect(model.openSessions).toBe(0);
    }),
    { seed: 41, numRuns: 60 },
  );
});

interface PlainSearch {
  readonly beams: number;
  readonly ends: ReadonlySet<number>;
  readonly longest: number;
  readonly power: number;
  readonly earlyStopping: boolean;
}

/** The search by its definition, in float64, every row read anew: its answer, and how often the model is asked. */
function plainSearch(next: NextLogits, { beams, ends, longest, power, earlyStopping }: PlainSearch) {
  const isFinished = ({ ids }: Sequence) => ends.has(ids.at(-1)!);
  const stopsEarly = earlyStopping || beams === 1;
  const finished: Sequence[] = [];
  let running: Sequence[] = [{ ids: [], sum: 0, score: 0 }];
  for (let steps = 1; ; steps++) {
    const continuations = running.flatMap(({ ids, sum }) =>
      Array.from(oracles.logSoftmax(next([1, 2, ...ids])), (log, id) => {
        const total = sum + log;
        return { ids: [...ids, id], sum: total, score: total / (ids.length + 1) ** power };
      }),
    );
    continuations.sort((a, b) => b.sum - a.sum);
    finished.push(...continuations.slice(0, beams).filter(isFinished));
    running = continuations.filter((answer) => !isFinished(answer)).slice(0, beams);
    const best = Math.max(...finished.map(({ score }) => score));
    const enough = stopsEarly && finished.length >= beams;
    const full = steps === longest;
    const attainable = running.map(({ sum }) => sum / (power > 0 ? longest : steps + 1) ** power);
    if (!full && !enough && (stopsEarly ? running.length > 0 : attainable.some((score) => score > best)))
      continue;
    const candidates = [...finished, ...((full && !enough) || finished.length === 0 ? running : [])];
    return { steps, best: candidates.reduce((a, b) => (b.score > a.score ? b : a)) };
  }
}

test("with few beams it finds and stops as its definition says, with one end token, several, or all", async () => {
  const any = fc.record({
    seed: fc.nat(999),
    beams: fc.integer({ min: 1, max: 4 }),
    ends: fc.constantFrom([], [0], [0, 1, 2], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]),
    longest: fc.integer({ min: 1, max: 7 }),
    power: fc.constantFrom(1, 0, 0.5, 2, -1, -0.2),
    earlyStopping: fc.option(fc.boolean(), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(any, async ({ seed, ends, longest, power, beams, earlyStopping }) => {
      const next = tangled(seed, 6);
      const model = new ToyModel(next, 6, new Set(ends));
      const how = { beams, lengthPenalty: power, maxNewTokens: longest };
      const found = await search(model, { ...how, ...(earlyStopping !== undefined && { earlyStopping }) });
      const { best, steps } = plainSearch(next, {
        beams,
        ends: new Set(ends),
        longest,
        power,
        earlyStopping: earlyStopping ?? false,
      });
      expect(model.batches).toHaveLength(steps);
      expect(found.finishReason === "stop" ? [...found.ids, best.ids.at(-1)] : found.ids).toEqual(best.ids);
      expect(found.logProbability).toBeCloseTo(best.sum, 4);
      expect(Math.abs(found.score - best.score)).toBeLessThan(1e-5 * (1 + Math.abs(best.score)));
      expect(found.finishReason).toBe(ends.includes(best.ids.at(-1)! as never) ? "stop" : "length");
    }),
    { seed: 44, numRuns: 400 },
  );
});

test("one beam is greedy decoding", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(999), async (seed) => {
      const next = tangled(seed, 6);
      const greedy: number[] = [];
      const request = {
        base: [1, 2],
        preference: [1, 2],
        method: preferenceMethod(),
        choose: chooseGreedily,
        maxNewTokens: 6,
      };
      for await (const event of decode(new ToyModel(next, 6, new Set([0])), [request])) {
        if (event.type === "token") greedy.push(event.id);
      }
      const found = await search(new ToyModel(next, 6, new Set([0])), { beams: 1, maxNewTokens: 6 });
      expect(found.ids).toEqual(greedy);
    }),
    { seed: 42, numRuns: 60 },
  );
});

test("an answer's log-probability is that of its tokens, however often rows were forked and reordered", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(999), fc.integer({ min: 2, max: 5 }), async (seed, beams) => {
      const next = tangled(seed, 8);
      const { ids, logProbability, finishReason } = await search(new ToyModel(next, 8, new Set([0])), {
        beams,
        maxNewTokens: 6,
      });
      const tokens = finishReason === "stop" ? [...ids, 0] : ids;
      const sum = tokens.reduce(
        (sum, id, i) => sum + oracles.logSoftmax(next([1, 2, ...tokens.slice(0, i)]))[id]!,
        0,
      );
      expect(Math.abs(logProbability - sum)).toBeLessThan(1e-5);
    }),
    { seed: 43, numRuns: 60 },
  );
});

test("early stopping ends with the first finished answers, at no better score", async () => {
  const scores = await Promise.all(
    [true, false].map(async (earlyStopping) => {
      const model = new ToyModel(tangled(3, 5), 5, new Set([0, 1]));
      const { score } = await search(model, { beams: 3, maxNewTokens: 12, earlyStopping, lengthPenalty: 2 });
      return { score, steps: model.batches.length };
    }),
  );
  expect(scores[0]!.score).toBeLessThanOrEqual(scores[1]!.score);
  expect(scores[0]!.steps).toBeLessThan(scores[1]!.steps);
});

test("the context ends an answer as the requested length does", async () => {
  const model = new ToyModel(tangled(1, 5), 5, new Set(), 5);
  expect(await search(model, { maxNewTokens: 50 })).toMatchObject({ finishReason: "length" });
  expect((await search(model, { maxNewTokens: 50 })).ids).toHaveLength(3);
});

test("an abort is heard between two tokens, and everything is freed", async () => {
  const controller = new AbortController();
  const model = new ToyModel(tangled(1, 5), 5);
  const seen: number[] = [];
  const onBest = (best: { ids: readonly number[] }) => {
    seen.push(best.ids.length);
    if (seen.length === 2) controller.abort();
  };
  await expect(search(model, { signal: controller.signal, onBest })).rejects.toMatchObject({
    code: "aborted",
  });
  expect(seen).toEqual([1, 2]);
  expect(model.openSessions).toBe(0);
});

test("logits that are not numbers, and options out of range, are refused", async () => {
  const broken = new ToyModel(() => [Number.NaN, 0, 0], 3);
  const notFinite = {
    code: "not-finite",
    message: expect.stringMatching(/^The policy of the prompt holds NaN or no possible token/),
  };
  await expect(search(broken)).rejects.toMatchObject(notFinite);
  const later = new ToyModel((row) => (row.at(-1) === 4 ? Array(5).fill(Number.NaN) : [0, 0, 0, 0, 1]), 5);
  await expect(search(later)).rejects.toMatchObject(notFinite);
  expect(broken.openSessions + later.openSessions).toBe(0);
  const model = new ToyModel(tangled(1, 5), 5);
  const refused = (message: string) => ({ code: "bad-request", message });
  const count = (name: string, value: number) =>
    refused(`${name} must be a whole number of at least 1; it is ${value}.`);
  await expect(search(model, { beams: 0 })).rejects.toMatchObject(count("beams", 0));
  await expect(search(model, { maxNewTokens: 0.5 })).rejects.toMatchObject(count("maxNewTokens", 0.5));
  await expect(search(model, { lengthPenalty: Number.NaN })).rejects.toMatchObject(
    refused("lengthPenalty must be a finite number; it is NaN."),
  );
  await expect(beamSearch(model, [], { maxNewTokens: 4 })).rejects.toThrow(/preference prompt/);
});
