import { oracles } from "@amulet-ts/verify";
import fc from "fast-check";
import { expect, test } from "vitest";
import { guidanceLimit, guidanceScale, paperParameters, strengthNames } from "../src/index.js";
import { alphaFor, etaFor, iterationsFor, lambdaFor, solveStrength } from "../src/strength/solve-strength.js";

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

test("the nearer of two numbers of steps is found on either side, and the cheaper one of a tie", () => {
  expect(iterationsFor(3.9, paperParameters).nearest.iterations).toBe(10);
  // α = λ and no pull to the last iterate: x is 2 after one step and 2.5 after two.
  const plain = { alpha: 1, lambda: 1, eta: Number.POSITIVE_INFINITY };
  const { below, above, nearest } = iterationsFor(2.25, plain);
  expect([below.guidanceScale, above.guidanceScale]).toEqual([2, 2.5]);
  expect(nearest).toBe(below);
});

test("a strength that a number of steps gives exactly has that number on both sides", () => {
  const { below, above } = iterationsFor(guidanceScale(paperParameters), paperParameters);
  expect([below.iterations, above.iterations]).toEqual([60, 60]);
  const unmoved = iterationsFor(1, paperParameters);
  expect([unmoved.below.iterations, unmoved.above.iterations]).toEqual([0, 0]);
});

test("x = 1 needs no step also where no step would move it", () => {
  expect(iterationsFor(1, { ...paperParameters, alpha: 0 }).nearest.iterations).toBe(0);
});

test("λ is found also without a pull to the last iterate, where it may not be 0", () => {
  const parameters = { ...paperParameters, eta: Number.POSITIVE_INFINITY };
  near(xOf({ ...parameters, lambda: lambdaFor(3, parameters) }), 3);
  expect(() => lambdaFor(1e300, { ...parameters, iterations: 1 })).toThrow("No lambda");
});

test("weights from 1e-6 to 1e6 are looked through, the ends included", () => {
  const one = { ...paperParameters, iterations: 1 };
  expect(alphaFor(guidanceScale({ ...one, alpha: 1e6 }), one)).toBeCloseTo(1e6, 6);
  expect(lambdaFor(guidanceScale({ ...one, lambda: 1e6 }), one)).toBeCloseTo(1e6, 6);
  // λ = 0 takes one step of α = 2, η = 10 to x = 21; η = 1e-6 takes one to 1 + 2e-6.
  expect(lambdaFor(21, one)).toBe(0);
  expect(() => lambdaFor(22, one)).toThrow("No lambda");
  expect(() => etaFor(1 + 1e-7, one)).toThrow("No eta");
});

test("patience ends after a million steps", () => {
  const last = guidanceScale({ ...paperParameters, iterations: 1_000_000 });
  expect(() => iterationsFor(1000, paperParameters)).toThrow(`1000000 steps give ${last}. `);
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

test("all four at once are those found alone; what gives no such x is absent, and so is all below x = 1", () => {
  fc.assert(
    fc.property(any, (parameters) => {
      const x = xOf(parameters);
      const { iterations, alpha, lambda, eta } = solveStrength(x, parameters);
      expect(alpha).toBe(alphaFor(x, parameters));
      expect(lambda).toBe(lambdaFor(x, parameters));
      expect(eta).toBe(etaFor(x, parameters));
      near(iterations?.guidanceScale ?? x, x);
    }),
    { seed: 34, numRuns: 20 },
  );
  // α < λ: no T reaches the limit λ/(λ−α) = 2, and α or λ alone do.
  const reached = solveStrength(2, { ...paperParameters, alpha: 1 });
  expect(Object.keys(reached)).toEqual(["alpha", "lambda"]);
  expect(solveStrength(0.5, paperParameters)).toEqual({});
});
