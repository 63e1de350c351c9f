import { oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { expect, test } from "vitest";
import { guidanceLimit, paperParameters, strengthNames } from "../src/index.js";
import { alphaFor, etaFor, iterationsFor, lambdaFor } from "../src/solve-strength.js";

const xOf = oracles.guidanceScale;
const any = fc.record({
  iterations: fc.integer({ min: 1, max: 100 }),
  alpha: fc.double({ min: 0.05, max: 4, noNaN: true }),
  lambda: fc.double({ min: 0.1, max: 4, noNaN: true }),
  eta: fc.double({ min: 0.01, max: 1000, noNaN: true }),
});
/** Bisection ends at neighbouring numbers, and x follows a parameter's last bit less than a thousandfold. */
const near = (x: number, expected: number) => expect(Math.abs(x / expected - 1)).toBeLessThan(1e-12);

test("α, λ and η are found again from the strength that they give, up to their effect on it", () => {
  fc.assert(
    fc.property(any, (parameters) => {
      const x = xOf(parameters);
      near(xOf({ ...parameters, alpha: alphaFor(x, parameters) }), x);
      near(xOf({ ...parameters, lambda: lambdaFor(x, parameters) }), x);
      near(xOf({ ...parameters, eta: etaFor(x, parameters) }), x);
    }),
    { seed: 31, numRuns: 60 },
  );
});

test("α of the paper's strength is the paper's α", () => {
  expect(alphaFor(5.648699006951202, paperParameters)).toBeCloseTo(2, 12);
  expect(lambdaFor(5.648699006951202, paperParameters)).toBeCloseTo(2, 12);
  expect(etaFor(5.648699006951202, paperParameters)).toBeCloseTo(10, 8);
});

test("T is found again from the strength that it gives", () => {
  fc.assert(
    fc.property(any, (parameters) => {
      const { below, above, nearest } = iterationsFor(xOf(parameters) * (1 - 1e-13), parameters);
      // Close to the limit neighbouring T give the same x to 13 digits.
      near(nearest.guidanceScale, xOf(parameters));
      near(xOf({ ...parameters, iterations: nearest.iterations }), nearest.guidanceScale);
      expect(above.iterations - below.iterations).toBeLessThanOrEqual(1);
    }),
    { seed: 32, numRuns: 200 },
  );
  expect(iterationsFor(5.648699006951202, paperParameters).nearest.iterations).toBe(60);
});

test("a strength between two whole numbers of steps lies between their strengths", () => {
  const { below, above, nearest } = iterationsFor(3, paperParameters);
  expect([below.iterations, above.iterations]).toEqual([3, 4]);
  expect(below.guidanceScale).toBeLessThan(3);
  expect(above.guidanceScale).toBeGreaterThan(3);
  expect(nearest).toBe(3 - below.guidanceScale < above.guidanceScale - 3 ? below : above);
});

test("x = 1 is no step and no utility", () => {
  expect(iterationsFor(1, paperParameters).nearest.iterations).toBe(0);
  expect(alphaFor(1, paperParameters)).toBe(0);
});

test("a strength that nothing gives is refused with the reason", () => {
  expect(() => alphaFor(0.5, paperParameters)).toThrow("starts at the preference prompt");
  expect(() => iterationsFor(0, paperParameters)).toThrow("starts at the preference prompt");
  expect(() => alphaFor(Number.NaN, paperParameters)).toThrow("NaN");
  const bounded = { ...paperParameters, alpha: 1 };
  expect(guidanceLimit(bounded)).toBe(2);
  expect(() => iterationsFor(2, bounded)).toThrow("x tends to 2");
  expect(iterationsFor(1.99, bounded).nearest.iterations).toBeGreaterThan(60);
  expect(() => iterationsFor(1.5, { ...paperParameters, alpha: 0 })).toThrow("x tends to 1");
  expect(() => alphaFor(2, { ...paperParameters, iterations: 0 })).toThrow("No alpha");
  expect(() => etaFor(100, paperParameters)).toThrow("No eta");
  expect(() => iterationsFor(1000, paperParameters)).toThrow("1000000 steps");
});

test("every name leads to every other", () => {
  const named = strengthNames({ guidanceScale: 3 });
  expect(named).toEqual({
    ...oracles.fromGuidanceScale(3),
    linearAlignmentRatio: 2,
    contextSteeringLambda: 2,
  });
  expect(strengthNames({ gamma: 2 })).toEqual(named);
  expect(strengthNames({ linearAlignmentRatio: 2 })).toEqual(named);
  expect(strengthNames({ contextSteeringLambda: 2 })).toEqual(named);
  expect(() => strengthNames({ gamma: 1, guidanceScale: 2 })).toThrow("once");
  expect(() => strengthNames({ gamma: Number.NaN })).toThrow("finite");
  expect(() => strengthNames({})).toThrow("once");
});
