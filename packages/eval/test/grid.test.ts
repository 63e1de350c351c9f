/** The lists of settings, and how one is picked of them. */
import { describe, expect, test } from "vitest";
import { chooseSetting, paperStrength, settingsOf, strengthOfIterations } from "../src/index.js";
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
