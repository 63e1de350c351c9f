/** The lists of settings, and how one is picked of them. */

import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import {
  type CellTable,
  chooseApart,
  chooseSetting,
  keyOf,
  paperStrength,
  type Setting,
  settingsOf,
  strengthOfIterations,
} from "../src/index.js";
import { plan } from "./tiny-model.js";

describe("settings", () => {
  test("T, ratio and x meet where they are the same number", () => {
    expect(strengthOfIterations(0)).toBe(1);
    expect(strengthOfIterations(60)).toBe(paperStrength);
    const settings = settingsOf({
      ...plan,
      strengths: [0, 1],
      iterations: [0],
      exactIterations: [],
      budgets: [],
      ratios: [0],
    });
    expect(settings.filter(({ kind }) => kind === "dial").map(({ value }) => value)).toEqual([0, 1]);
  });

  test.each([
    { strengths: [0, 2, 1] },
    { budgets: [0.1, 0.1] },
    { ratios: [Number.NaN] },
    { budgets: [1, Number.POSITIVE_INFINITY] },
  ])("a curve that does not ascend is refused: %j", (change) => {
    expect(() => settingsOf({ ...plan, ...change })).toThrowError(/finite and ascending/);
  });
});

describe("the choice", () => {
  const mean = (value: number) => ({ mean: value, low: 0, high: 1 });
  const candidates = [
    { at: 0, good: mean(0.2), whole: mean(1) },
    { at: 1, good: mean(0.6), whole: mean(0.95) },
    { at: 2, good: mean(0.6), whole: mean(0.99) },
    { at: 3, good: mean(0.9), whole: mean(0.5) },
  ];
  type Candidate = (typeof candidates)[number];
  const choose = (whole: number) =>
    chooseSetting<"good" | "whole", Candidate>(candidates, { most: "good", floors: { whole } })?.at;

  test("is the first of the best that reach every floor, which belongs to what it allows", () => {
    expect([0, 0.5, 0.51, 0.95, 0.96, 0.99, 0.995, 1].map(choose)).toEqual([3, 3, 1, 1, 2, 2, 0, 0]);
  });

  test("is none where nothing does", () => {
    expect(choose(1.01)).toBeUndefined();
    expect(chooseSetting([] as Candidate[], { most: "good", floors: {} })).toBeUndefined();
  });
});

describe("the choice on other questions", () => {
  const settings = [1, 2, 3].map((value): Setting => ({ kind: "dial", value }));
  const best = (table: CellTable<"good">) => {
    const sums = settings.map((setting) =>
      table.get(keyOf(setting))!.reduce((sum, { scores }) => sum + scores.good, 0),
    );
    return settings[sums.indexOf(Math.max(...sums))]!;
  };
  /** Two pairs of each question under every setting. */
  const cellsOf = (scores: readonly (readonly number[])[]) =>
    scores.flatMap((row, question) =>
      [2 * question, 2 * question + 1].flatMap((pair) =>
        settings.map((setting, s) => ({
          setting: keyOf(setting),
          pair,
          text: "",
          tokens: 1,
          finishReason: "stop" as const,
          drift: 0,
          scores: { good: row[s]! },
        })),
      ),
    );
  const questionOf = (pair: number) => Math.floor(pair / 2);
  const rows = fc.array(fc.tuple(...settings.map(() => fc.integer({ min: 0, max: 9 }))), {
    minLength: 2,
    maxLength: 6,
  });

  property.prop([rows])("is the best of the sums without the question's own", (scores) => {
    const { chosen, cells } = chooseApart(cellsOf(scores), questionOf, best);
    for (const [question, row] of scores.entries()) {
      const sums = settings.map((_, s) => scores.reduce((sum, one) => sum + one[s]!, -row[s]!));
      expect(chosen.get(question)).toEqual(settings[sums.indexOf(Math.max(...sums))]);
    }
    expect(cells.map(({ pair }) => pair)).toEqual(scores.flatMap((_, q) => [2 * q, 2 * q + 1]));
    for (const { pair, setting } of cells) expect(setting).toBe(keyOf(chosen.get(questionOf(pair))!));
  });
});
