/** Hyperparameters over their range, on both sides of the critical point α = λ and on it. */
import fc from "fast-check";
import { type AmuletParameters, paperParameters } from "../oracles/amulet.js";
import { guidanceScale } from "../oracles/strength.js";

/** Multiples of 1/4 within [min, max], the rounder ones first: failures shrink to 1, then to other whole numbers. */
const quarters = (min: number, max: number) => {
  const values = Array.from({ length: 4 * (max - min) + 1 }, (_, i) => min + i / 4);
  const roundness = (value: number) => (value % 1 === 0 ? 0 : 8) + Math.abs(value - 1);
  return fc.constantFrom(...values.sort((left, right) => roundness(left) - roundness(right)));
};

const learningRate = fc.constantFrom(10, 1, 0.1, 100, 1000, 0.01);

function parametersWith(
  largestRatio: number,
  iterations: fc.Arbitrary<number>,
): fc.Arbitrary<AmuletParameters> {
  return fc
    .record({ iterations, ratio: quarters(0, largestRatio), lambda: quarters(0.25, 5), eta: learningRate })
    .map(({ iterations, ratio, lambda, eta }) => ({ iterations, alpha: ratio * lambda, lambda, eta }));
}

/** Few steps for most runs, since an oracle that keeps every utility takes time in T². */
const policyIterations = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 10 }) },
  { weight: 1, arbitrary: fc.nat({ max: 40 }) },
);

/** Beyond this x log-policies leave float32's useful range. */
const largestScale = 120;

/**
 * For policies: α ≤ 2λ and T ≤ 40, seldom α up to 5λ, and now and then the paper's settings. x stays below 120, and no
 * log-policy leaves float32's useful range.
 */
export const policyParameters: fc.Arbitrary<AmuletParameters> = fc.oneof(
  { withCrossShrink: true },
  { weight: 90, arbitrary: parametersWith(2, policyIterations) },
  {
    weight: 9,
    arbitrary: parametersWith(5, fc.nat({ max: 8 })).filter(
      (parameters) => guidanceScale(parameters) <= largestScale,
    ),
  },
  { weight: 1, arbitrary: fc.constant(paperParameters) },
);

/** For the strength alone: α up to 10 λ, T up to 400; x reaches 1e25. */
export const scaleParameters = parametersWith(10, fc.nat({ max: 400 }));

/** At least one step and some utility, so that every one of T, α, λ, η can be found again from x. */
export const solvableParameters = parametersWith(2, fc.integer({ min: 1, max: 100 })).map(
  ({ alpha, ...rest }) => ({ ...rest, alpha: alpha === 0 ? rest.lambda : alpha }),
);

/** Where one step stands. */
export const stepSettings = fc.record({
  t: fc.integer({ min: 1, max: 100 }),
  lambda: quarters(0.25, 5),
  eta: learningRate,
});

/** γ from −1 (the base policy) to 8. */
export const gammaValue = fc.integer({ min: -4, max: 32 }).map((quarter) => quarter / 4);
