/** From a strength back to the parameters that give it: whichever there are. */
import {
  type AmuletParameters,
  alphaFor,
  CoreError,
  etaFor,
  iterationsFor,
  lambdaFor,
} from "@amulet-ts/core";

/** The parameter that gives a wanted x when the other three stay as they are; undefined where none does. */
export interface Solutions {
  /** The whole number that comes nearest, and the x that it gives. */
  readonly iterations: { readonly value: number; readonly guidanceScale: number } | undefined;
  readonly alpha: number | undefined;
  readonly lambda: number | undefined;
  readonly eta: number | undefined;
}

/** Each is found alone. */
export function solveStrength(scale: number, parameters: AmuletParameters): Solutions {
  const steps = ifThereIs(() => iterationsFor(scale, parameters).nearest);
  return {
    iterations: steps && { value: steps.iterations, guidanceScale: steps.guidanceScale },
    alpha: ifThereIs(() => alphaFor(scale, parameters)),
    lambda: ifThereIs(() => lambdaFor(scale, parameters)),
    eta: ifThereIs(() => etaFor(scale, parameters)),
  };
}

function ifThereIs<T>(solve: () => T): T | undefined {
  try {
    return solve();
  } catch (error) {
    if (error instanceof CoreError && error.code === "bad-strength") return undefined;
    throw error;
  }
}
