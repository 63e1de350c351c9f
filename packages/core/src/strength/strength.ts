import { CoreError } from "../errors.js";

/**
 * Hyperparameters of the online-learning problem that Amulet solves for every token
 * (paper, section 3; the letters in the comments are the paper's).
 */
export interface AmuletParameters {
  /** T: online-learning steps per token. A whole number of at least 0; 0 leaves the preference policy as it is. */
  readonly iterations: number;
  /** α ≥ 0: scale of the utility. */
  readonly alpha: number;
  /** λ ≥ 0: weight of the pull back to the preference policy. */
  readonly lambda: number;
  /** η > 0, Infinity allowed while λ > 0: learning rate; the pull to the last iterate weighs 1/(ηt). */
  readonly eta: number;
}

/** The paper's settings. */
export const paperParameters: AmuletParameters = Object.freeze({
  iterations: 60,
  alpha: 2,
  lambda: 2,
  eta: 10,
});

/** Linear Alignment's ratio in the Amulet authors' runs. */
export const paperLinearAlignmentRatio = 2;

/** Checks parameters that came from outside. @throws CoreError `bad-strength`, naming the one that is off */
export function checkParameters(parameters: AmuletParameters): AmuletParameters {
  const { iterations, alpha, lambda, eta } = parameters;
  if (!Number.isInteger(iterations) || iterations < 0) {
    throw wrong("iterations (T)", "a whole number of at least 0", iterations);
  }
  if (!Number.isFinite(alpha) || alpha < 0) throw wrong("alpha (α)", "a finite number of at least 0", alpha);
  if (!Number.isFinite(lambda) || lambda < 0)
    throw wrong("lambda (λ)", "a finite number of at least 0", lambda);
  if (Number.isNaN(eta) || eta <= 0) throw wrong("eta (η)", "a number above 0, or Infinity", eta);
  if (lambda === 0 && eta === Number.POSITIVE_INFINITY) {
    throw new CoreError(
      "bad-strength",
      "lambda (λ) = 0 together with eta (η) = Infinity leaves the policy unregularised: the step would divide by zero. Give λ > 0 or a finite η.",
    );
  }
  return parameters;
}

function wrong(name: string, expected: string, came: number): CoreError {
  return new CoreError("bad-strength", `${name} must be ${expected}; it is ${came}.`);
}

/** 1/(ηt), the weight of the pull to the iterate that step t starts from. */
export function proximalWeight(eta: number, t: number): number {
  return 1 / (eta * t);
}

/**
 * x_1 … x_{T+1}: how far each iterate of the loop stands from the base policy towards, and past, the
 * preference policy: π_t ∝ π_base^(1−x_t) · π_pref^(x_t). The recursion is the closed-form step read in the
 * exponent (docs/algorithm.md, "The collapse"); it knows no logits.
 */
export function guidanceTrajectory(parameters: AmuletParameters): number[] {
  const { iterations, alpha, lambda, eta } = checkParameters(parameters);
  const trajectory = [1];
  let sum = 0;
  for (let t = 1; t <= iterations; t++) {
    const x = trajectory[t - 1]!;
    sum += x;
    const proximal = proximalWeight(eta, t);
    trajectory.push((lambda + (alpha * sum) / t + x * proximal) / (lambda + proximal));
  }
  return trajectory;
}

/** x_{T+1}: the one number that T steps amount to. Known elsewhere as classifier-free guidance's scale. */
export function guidanceScale(parameters: AmuletParameters): number {
  return guidanceTrajectory(parameters).at(-1)!;
}

/** Where x_t goes as T grows: λ/(λ−α) below the critical point α = λ, Infinity from there on, 1 without utility. */
export function guidanceLimit({ alpha, lambda }: Pick<AmuletParameters, "alpha" | "lambda">): number {
  if (alpha === 0) return 1;
  return alpha < lambda ? lambda / (lambda - alpha) : Number.POSITIVE_INFINITY;
}

/** One strength under each of the names that it has in the literature. */
export interface StrengthNames {
  /** x: the exponent of the preference policy, `guidance_scale` of classifier-free guidance. */
  readonly guidanceScale: number;
  /** γ = x − 1: how far past the preference policy. */
  readonly gamma: number;
  /** Linear Alignment's ratio, which is γ. */
  readonly linearAlignmentRatio: number;
  /** Context Steering's λ, which is γ. */
  readonly contextSteeringLambda: number;
}

/**
 * The strength under all of its names, from any one of them.
 *
 * @example `strengthNames({ linearAlignmentRatio: 2 }).guidanceScale // 3`
 * @throws CoreError `bad-strength` unless exactly one finite number is given
 */
export function strengthNames(known: Partial<StrengthNames>): StrengthNames {
  const given = Object.entries(known).filter(([, value]) => value !== undefined);
  const [name, value] = given[0] ?? ["nothing", Number.NaN];
  if (given.length !== 1 || !Number.isFinite(value)) {
    throw new CoreError(
      "bad-strength",
      `Give the strength once, as a finite number under one of its names; what came is ${JSON.stringify(known)}.`,
    );
  }
  const gamma = name === "guidanceScale" ? value - 1 : value;
  const guidanceScale = name === "guidanceScale" ? value : value + 1;
  return { guidanceScale, gamma, linearAlignmentRatio: gamma, contextSteeringLambda: gamma };
}
