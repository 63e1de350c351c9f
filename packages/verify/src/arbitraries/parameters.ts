/** Hyperparameters over their range, on both sides of the critical point α = λ and on it. */
import fc from "fast-check";
import type { AmuletParameters } from "../oracles/amulet.js";

const quarters = (min: number, max: number) =>
  fc.integer({ min: 4 * min, max: 4 * max }).map((quarter) => quarter / 4);

const learningRate = fc.constantFrom(10, 1, 0.1, 100, 1000, 0.01);

function parametersWith(largestRatio: number, maxIterations: number): fc.Arbitrary<AmuletParameters> {
  return fc
    .record({
      iterations: fc.integer({ min: 0, max: maxIterations }),
      ratio: quarters(0, largestRatio),
      lambda: quarters(0.25, 5),
      eta: learningRate,
    })
    .map(({ iterations, ratio, lambda, eta }) => ({ iterations, alpha: ratio * lambda, lambda, eta }));
}

/** For policies: α ≤ 2λ and T ≤ 40, where x stays below 120 and no log-policy leaves float32's useful range. */
export const policyParameters = parametersWith(2, 40);

/** For the strength alone: α up to 10 λ, T up to 400; x reaches 1e25. */
export const scaleParameters = parametersWith(10, 400);

/** Where one step stands. */
export const stepSettings = fc.record({
  t: fc.integer({ min: 1, max: 100 }),
  lambda: quarters(0.25, 5),
  eta: learningRate,
});

/** γ from −1 (the base policy) to 8. */
export const gammaValue = quarters(-1, 8);
