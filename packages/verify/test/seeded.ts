/** Reproducible rows and problems without an arbitrary's shrinking. */
import { oracles } from "@amulet-ts/verify";

/** `size` draws of roughly normal noise with standard deviation `spread` (twelve uniforms, less six). */
export function seededRow(seed: number, size: number, spread: number): Float64Array {
  const uniform = lcg(seed);
  return Float64Array.from({ length: size }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum * spread;
  });
}

/** A step's problem with λ = 2, η = 10, t = 3 and random rows. */
export function seededStep(
  seed: number,
  { size, spread }: { size: number; spread: number },
): oracles.StepProblem {
  return {
    meanUtility: seededRow(1000 + seed, size, spread),
    logReference: oracles.logSoftmax(seededRow(2000 + seed, size, spread)),
    logCurrent: oracles.logSoftmax(seededRow(3000 + seed, size, spread)),
    lambda: 2,
    proximal: 1 / 30,
  };
}

/** A linear congruential generator (Numerical Recipes' constants), its high bits. */
function lcg(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
