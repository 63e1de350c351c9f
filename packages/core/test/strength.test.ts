import { oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  checkParameters,
  guidanceLimit,
  guidanceScale,
  guidanceTrajectory,
  paperParameters,
} from "../src/index.js";

test("the paper's parameters are the guidance scale 5.648699006951202", () => {
  expect(guidanceScale(paperParameters)).toBe(5.648699006951202);
});

// Figures of the derivation, worked out apart from this code to four digits.
test.each([
  [1, 1.952],
  [2, 2.463],
  [5, 3.251],
  [10, 3.898],
  [20, 4.567],
  [40, 5.247],
  [100, 6.156],
])("T = %d is x = %d", (iterations, x) => {
  expect(guidanceScale({ ...paperParameters, iterations })).toBeCloseTo(x, 3);
});

test.each([
  [0.5, 1.329],
  [1, 1.926],
  [1.5, 3.114],
  [3, 24.03],
  [4, 118.07],
])("α = %d is x = %d", (alpha, x) => {
  expect(guidanceScale({ ...paperParameters, alpha })).toBeCloseTo(x, 2);
});

test("x follows the exponents of the loop", () => {
  const any = fc.record({
    iterations: fc.integer({ min: 0, max: 120 }),
    alpha: fc.double({ min: 0, max: 4, noNaN: true }),
    lambda: fc.double({ min: 0.1, max: 4, noNaN: true }),
    eta: fc.double({ min: 0.01, max: 1000, noNaN: true }),
  });
  fc.assert(
    fc.property(any, (parameters) => {
      const expected = oracles.guidanceScale(parameters);
      expect(Math.abs(guidanceScale(parameters) / expected - 1)).toBeLessThan(1e-12);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("T = 0 and α = 0 leave the preference policy as it is", () => {
  expect(guidanceScale({ ...paperParameters, iterations: 0 })).toBe(1);
  expect(guidanceTrajectory({ ...paperParameters, alpha: 0 }).every((x) => Math.abs(x - 1) < 1e-15)).toBe(
    true,
  );
});

test("below the critical point x tends to λ/(λ−α), from there on it grows without limit", () => {
  expect(guidanceLimit({ alpha: 1, lambda: 2 })).toBe(2);
  expect(guidanceLimit({ alpha: 2, lambda: 2 })).toBe(Number.POSITIVE_INFINITY);
  expect(guidanceScale({ ...paperParameters, alpha: 1, iterations: 100_000 })).toBeCloseTo(2, 2);
});

test.each([
  [{ iterations: -1 }, "iterations"],
  [{ iterations: 1.5 }, "iterations"],
  [{ alpha: Number.NaN }, "alpha"],
  [{ alpha: -1 }, "alpha"],
  [{ lambda: Number.POSITIVE_INFINITY }, "lambda"],
  [{ eta: 0 }, "eta"],
  [{ lambda: 0, eta: Number.POSITIVE_INFINITY }, "lambda"],
])("%o is refused by name", (change, name) => {
  expect(() => checkParameters({ ...paperParameters, ...change })).toThrow(name);
});

test("an infinite learning rate is allowed while λ pulls", () => {
  expect(guidanceScale({ ...paperParameters, eta: Number.POSITIVE_INFINITY, iterations: 1 })).toBe(2);
});
