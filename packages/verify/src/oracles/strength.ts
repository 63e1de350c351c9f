/** The collapse of T steps to one exponent, and the names that this one dial has elsewhere. */
import type { AmuletParameters } from "./amulet.js";
import { logSoftmax, type Row, tabulate } from "./distribution.js";

/** log π_t = preference · log π_pref + base · log π_base + constant. */
export interface Exponents {
  readonly preference: number;
  readonly base: number;
}

/**
 * The exponents of π_1 … π_{T+1}. The step is read twice, once for each of the two log-policies that
 * everything is linear in. That both exponents always add up to 1 is a result, not an assumption.
 */
export function exponentTrajectory({ iterations, alpha, lambda, eta }: AmuletParameters): Exponents[] {
  const trajectory: Exponents[] = [{ preference: 1, base: 0 }];
  let utilityOfPreference = 0;
  let utilityOfBase = 0;
  for (let t = 1; t <= iterations; t++) {
    const { preference, base } = trajectory.at(-1)!;
    utilityOfPreference += alpha * preference;
    utilityOfBase += alpha * (base - 1);
    const proximal = 1 / (eta * t);
    trajectory.push({
      preference: (utilityOfPreference / t + lambda + proximal * preference) / (lambda + proximal),
      base: (utilityOfBase / t + proximal * base) / (lambda + proximal),
    });
  }
  return trajectory;
}

/** x_{T+1}, the exponent of the preference policy after T steps. */
export function guidanceScale(parameters: AmuletParameters): number {
  return exponentTrajectory(parameters).at(-1)!.preference;
}

/** One strength under each of its names. */
export interface StrengthNames {
  /** x: classifier-free guidance's `guidance_scale`. */
  readonly guidanceScale: number;
  /** γ = x − 1. */
  readonly gamma: number;
  /** Linear Alignment's ratio, which is γ. */
  readonly linearAlignmentRatio: number;
  /** Context Steering's λ, which is γ. */
  readonly contextSteeringLambda: number;
}

/** From classifier-free guidance's number. */
export function fromGuidanceScale(scale: number): StrengthNames {
  return { ...fromGamma(scale - 1), guidanceScale: scale };
}

/** From Linear Alignment's ratio. */
export function fromGamma(gamma: number): StrengthNames {
  return {
    guidanceScale: gamma + 1,
    gamma,
    linearAlignmentRatio: gamma,
    contextSteeringLambda: gamma,
  };
}

/**
 * Classifier-free guidance as it is written down (Sanchez et al. 2023): log π_base + s (log π_pref − log π_base), which
 * starts at the base policy where Linear Alignment starts at the preference policy.
 */
export function guide(logBase: Row, logPreference: Row, scale: number): Float64Array {
  return logSoftmax(tabulate(logBase.length, (a) => logBase[a]! + scale * (logPreference[a]! - logBase[a]!)));
}

/**
 * Where x goes as T grows: λ/(λ−α) below the critical point α = λ. At and above it there is no fixed point.
 * The same number is the centre that x leaves as a power of T when α > λ.
 */
export function fixedPoint({ alpha, lambda }: Pick<AmuletParameters, "alpha" | "lambda">): number {
  return lambda / (lambda - alpha);
}
