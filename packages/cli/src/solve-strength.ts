/** From a strength back to the parameters that give it. */
import { type AmuletParameters, guidanceScale, guidanceTrajectory } from "@amulet-ts/core";

/** The parameter that gives a wanted x when the other three stay as they are; undefined where none does. */
export interface Solutions {
  /** The whole number that comes nearest, and the x that it gives. */
  readonly iterations: { readonly value: number; readonly guidanceScale: number } | undefined;
  readonly alpha: number | undefined;
  readonly lambda: number | undefined;
  readonly eta: number | undefined;
}

export const mostIterations = 10_000;
const largestWeight = 1e6;

/**
 * Each is found alone: x grows with T, α and η, and falls with λ, so at most one value fits. Below x = 1, where
 * the loop starts, nothing does.
 */
export function solveStrength(scale: number, parameters: AmuletParameters): Solutions {
  const xOf = (change: Partial<AmuletParameters>) => guidanceScale({ ...parameters, ...change });
  const finite = Number.isFinite(parameters.eta);
  return {
    iterations: nearestIterations(scale, parameters),
    alpha: bisect(scale, (alpha) => xOf({ alpha }), 0, largestWeight),
    // With η = ∞, λ = 0 is no problem at all.
    lambda: bisect(scale, (lambda) => xOf({ lambda }), finite ? 0 : 1 / largestWeight, largestWeight),
    eta: bisect(scale, (eta) => xOf({ eta }), 1 / largestWeight, largestWeight),
  };
}

function nearestIterations(scale: number, parameters: AmuletParameters): Solutions["iterations"] {
  const trajectory = guidanceTrajectory({ ...parameters, iterations: mostIterations });
  const end = trajectory.at(-1)!;
  if (scale < 1 || !(scale <= end)) return undefined;
  const distance = (t: number) => Math.abs(trajectory[t]! - scale);
  const after = trajectory.findIndex((x) => x >= scale);
  const value = after > 0 && distance(after - 1) <= distance(after) ? after - 1 : after;
  return { value, guidanceScale: trajectory[value]! };
}

/** Where the monotone function takes the value, to the last bit; in logarithms, since weights span magnitudes. */
function bisect(
  wanted: number,
  f: (value: number) => number,
  least: number,
  most: number,
): number | undefined {
  const [atLeast, atMost] = [f(least), f(most)];
  if (wanted === atLeast) return least;
  const grows = atMost >= atLeast;
  // Negated, so that a strength beyond float64 is above everything.
  if (grows ? wanted < atLeast || wanted > atMost : wanted > atLeast || wanted < atMost) return undefined;
  let [low, high] = [Math.max(least, Number.MIN_VALUE), most];
  for (let i = 0; i < 200; i++) {
    const middle = Math.sqrt(low) * Math.sqrt(high);
    if (f(middle) < wanted === grows) low = middle;
    else high = middle;
  }
  return high;
}
