/**
 * From a strength x back to the paper's parameters. One is solved for while the others stay as they are: x grows with
 * T, α and η and falls with λ, so at most one value fits. In float64.
 */

import { CoreError } from "../errors.js";
import { checkGiven, describeValue, record } from "../port/given.js";
import {
  type AmuletParameters,
  checkParameters,
  guidanceLimit,
  guidanceScale,
  mostIterations,
  walkGuidance,
} from "./strength.js";

/** A number of steps, and the x that it gives. */
export interface Steps {
  readonly iterations: number;
  readonly guidanceScale: number;
}

/** The whole numbers around a strength; both are the same where one gives it exactly. */
export interface StepsAround {
  readonly below: Steps;
  readonly above: Steps;
  /** Whichever of the two gives the nearer x; the cheaper one of a tie. */
  readonly nearest: Steps;
}

/**
 * T, the steps per token, around a strength.
 *
 * @throws CoreError `bad-strength` where no T gives it: x below 1, or at or past the limit that x tends to
 */
export function iterationsFor(
  scale: number,
  parameters: Pick<AmuletParameters, "alpha" | "lambda" | "eta">,
): StepsAround {
  checkScale(scale);
  checkGiven(parameters, record, "The parameters", "bad-strength");
  const { alpha, lambda, eta } = checkParameters({ ...parameters, iterations: 0 });
  const limit = guidanceLimit({ alpha, lambda });
  if (scale > 1 && scale >= limit) throw beyond(scale, `x tends to ${limit} as T (iterations) grows`);
  let below: Steps = { iterations: 0, guidanceScale: 1 };
  if (scale === 1) return { below, above: below, nearest: below };
  const walk = walkGuidance({ alpha, lambda, eta });
  for (let iterations = 0; iterations <= mostIterations; iterations++) {
    const above = { iterations, guidanceScale: walk() };
    if (above.guidanceScale === scale) return { below: above, above, nearest: above };
    if (above.guidanceScale > scale) return { below, above, nearest: nearer(scale, below, above) };
    below = above;
  }
  throw beyond(scale, `${mostIterations} steps give ${below.guidanceScale}`);
}

function nearer(scale: number, below: Steps, above: Steps): Steps {
  return scale - below.guidanceScale <= above.guidanceScale - scale ? below : above;
}

/** α for a strength. @throws CoreError `bad-strength` for x below 1, or above 1 with T = 0 */
export function alphaFor(
  scale: number,
  parameters: Pick<AmuletParameters, "iterations" | "lambda" | "eta">,
): number {
  const alpha = solve(scale, (alpha) => guidanceScale({ ...parameters, alpha }), 0, largestWeight);
  return alpha ?? fail(scale, "alpha (α)", parameters);
}

/** λ for a strength. @throws CoreError `bad-strength` for x below 1, or above what λ = 0 gives */
export function lambdaFor(
  scale: number,
  parameters: Pick<AmuletParameters, "iterations" | "alpha" | "eta">,
): number {
  // With η = Infinity, λ = 0 leaves the step without a solution.
  checkGiven(parameters, record, "The parameters", "bad-strength");
  const least = Number.isFinite(parameters.eta) ? 0 : 1 / largestWeight;
  const lambda = solve(scale, (lambda) => guidanceScale({ ...parameters, lambda }), least, largestWeight);
  return lambda ?? fail(scale, "lambda (λ)", parameters);
}

/** η for a strength. @throws CoreError `bad-strength` for x below 1, or above what η = Infinity gives */
export function etaFor(
  scale: number,
  parameters: Pick<AmuletParameters, "iterations" | "alpha" | "lambda">,
): number {
  const eta = solve(scale, (eta) => guidanceScale({ ...parameters, eta }), 1 / largestWeight, largestWeight);
  return eta ?? fail(scale, "eta (η)", parameters);
}

/** For each parameter the value that gives a wanted x when the other three stay as they are; absent where none does. */
export interface StrengthSolutions {
  /** The whole number that comes nearest, and the x that it gives. */
  readonly iterations?: Steps;
  readonly alpha?: number;
  readonly lambda?: number;
  readonly eta?: number;
}

/** Solves for each parameter alone. */
export function solveStrength(scale: number, parameters: AmuletParameters): StrengthSolutions {
  const solvers = {
    iterations: () => iterationsFor(scale, parameters).nearest,
    alpha: () => alphaFor(scale, parameters),
    lambda: () => lambdaFor(scale, parameters),
    eta: () => etaFor(scale, parameters),
  };
  const solved = Object.entries(solvers).map(([name, solver]) => [name, ifThereIs<Steps | number>(solver)]);
  return Object.fromEntries(solved.filter(([, value]) => value !== undefined));
}

function ifThereIs<T>(solver: () => T): T | undefined {
  try {
    return solver();
  } catch (error) {
    if (error instanceof CoreError && error.code === "bad-strength") return undefined;
    throw error;
  }
}

/** Weights beyond these change no strength that anyone would set. */
const largestWeight = 1e6;

/**
 * Where a monotone function takes the value, to the last bit, by bisection in logarithms, since weights span
 * magnitudes; undefined where it does not.
 */
function solve(
  scale: number,
  xOf: (value: number) => number,
  least: number,
  most: number,
): number | undefined {
  checkScale(scale);
  const [atLeast, atMost] = [xOf(least), xOf(most)];
  if (scale === atLeast) return least;
  const grows = atMost >= atLeast;
  const [lowest, highest] = grows ? [atLeast, atMost] : [atMost, atLeast];
  // Written so that a strength that overflowed to Infinity or NaN counts as above everything.
  if (scale < lowest || scale > highest) return undefined;
  let [low, high] = [Math.max(least, Number.MIN_VALUE), most];
  for (let halving = 0; halving < 200; halving++) {
    const middle = Math.sqrt(low) * Math.sqrt(high);
    if (xOf(middle) < scale === grows) low = middle;
    else high = middle;
  }
  return high;
}

function checkScale(scale: number): void {
  if (Number.isFinite(scale) && scale >= 1) return;
  throw new CoreError(
    "bad-strength",
    `No T, α, λ, η give x = ${describeValue(scale)}: Amulet starts at the preference prompt, x = 1, and only goes on from there. ` +
      "Decode with the guidance scale itself, which may be any finite number.",
  );
}

function beyond(scale: number, reach: string): CoreError {
  return new CoreError(
    "bad-strength",
    `x = ${scale} is out of reach: ${reach}. Raise alpha (α), lower lambda (λ), or decode with the guidance scale itself.`,
  );
}

function fail(scale: number, name: string, rest: object): never {
  const others = Object.entries(rest).map(([key, value]) => `${key} = ${value}`);
  throw new CoreError(
    "bad-strength",
    `No ${name} gives x = ${scale} with ${others.join(", ")}. Change another of the parameters, or decode with the guidance scale itself.`,
  );
}
