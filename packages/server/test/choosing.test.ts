/** What is noted of each choice is told with its own token, however late that is fetched. */
import { createChooser, type SamplingOptions } from "@amulet-ts/core";
import { expect, test } from "vitest";
import { NotingChooser, readSampling, readStops, samplingOf } from "../src/answering/choosing.js";

const logs = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);
const context = { generated: [], endTokens: new Set<number>() };

test("candidates come in the order of the choices, best first, by their ids", () => {
  const chooser = new NotingChooser({}, 2);
  const rows = [logs(0.2, 0.5, 0.3), logs(0.7, 0.1, 0.2), logs(0.1, 0.3, 0.6)];
  expect(rows.map((row) => chooser.choose(row, context))).toEqual([1, 0, 2]);
  const ids = rows.map(() => chooser.next().map(({ id }) => id));
  expect(ids).toEqual([
    [1, 2],
    [0, 2],
    [2, 1],
  ]);
  expect(chooser.next()).toEqual([]);
  const columns = {
    count: 2,
    isWhole: false,
    idOf: (column: number) => [40, 30][column]!,
    columnOf: (id: number) => ({ 40: 0, 30: 1 })[id],
  };
  chooser.choose(logs(0.4, 0.6), { ...context, columns });
  expect(chooser.next()).toEqual([
    { id: 30, logProbability: Math.fround(Math.log(0.6)) },
    { id: 40, logProbability: Math.fround(Math.log(0.4)) },
  ]);
});

test("noting changes no draw", () => {
  const sampling = samplingOf({ temperature: 1, seed: 4 }, 3);
  const [plain, noting] = [createChooser({ temperature: 1, seed: 7 }), new NotingChooser(sampling, 2)];
  const row = logs(0.25, 0.25, 0.25, 0.25);
  for (let i = 0; i < 40; i++) expect(noting.choose(row, context)).toBe(plain(row, context));
});

test("a seed at the end of the safe numbers wraps: its low 32 bits count, as always", () => {
  for (const seed of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 32 - 1]) {
    const draws = (own: SamplingOptions) => {
      const choose = createChooser({ ...own, temperature: 1 });
      return Array.from({ length: 20 }, () => choose(logs(0.25, 0.25, 0.25, 0.25), context));
    };
    expect(draws(samplingOf({ seed }, 0))).toEqual(draws({ seed }));
    expect(draws(samplingOf({ seed }, 3))).toEqual(draws({ seed: Number((BigInt(seed) + 3n) % 2n ** 32n) }));
  }
});

test("top_p 0 keeps the best alone, however many top_k would", () => {
  const choose = createChooser({ ...readSampling({ top_p: 0, top_k: 3, temperature: 1e6 }), seed: 1 });
  for (let i = 0; i < 20; i++) expect(choose(logs(0.3, 0.4, 0.3), context)).toBe(1);
});

test("one text or several end an answer; an empty one ends nothing", () => {
  expect([null, "", "a", ["a", "", "b"]].map(readStops)).toEqual([[], [], ["a"], ["a", "b"]]);
});
