import { CoreError } from "../errors.js";
import { checkGiven, describeValue, oneOf, record } from "../port/given.js";

/**
 * Hyperparameters of the online-learning problem that Amulet solves for every token
 * (paper, section 3; the letters in the comments are the paper's).
 */
export interface AmuletParameters {
  /** T: online-learning steps per token, from 0, which leaves the preference policy as it is, to a million. */
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

/** Most steps per token: at the paper's α = λ they take x to 15, and no one waits for more. */
export const mostIterations = 1_000_000;

/**
 * Largest |x| that methods decode with. A log-probability near 10 is rounded to within 1e-6 in float32, so past this
 * the roundings of Δ alone are worth a nat each, and some way on γ Δ has no float32 at all.
 */
export const largestStrength = 1_000_000;

/** Checks parameters that came from outside. @throws CoreError `bad-strength`, naming the one that is off */
export function checkParameters(parameters: AmuletParameters): AmuletParameters {
  checkGiven(parameters, record, "The parameters", "bad-strength");
  const { iterations, alpha, lambda, eta } = parameters;
  if (!Number.isInteger(iterations) || iterations < 0 || iterations > mostIterations) {
    throw wrong("iterations (T)", `a whole number from 0 to ${mostIterations}`, iterations);
  }
  if (!Number.isFinite(alpha) || alpha < 0) throw wrong("alpha (α)", "a finite number of at least 0", alpha);
  if (!Number.isFinite(lambda) || lambda < 0)
    throw wrong("lambda (λ)", "a finite number of at least 0", lambda);
  if (!(typeof eta === "number" && eta > 0)) throw wrong("eta (η)", "a number above 0, or Infinity", eta);
  if (lambda === 0 && eta === Number.POSITIVE_INFINITY) {
    throw new CoreError(
      "bad-strength",
      "lambda (λ) = 0 together with eta (η) = Infinity leaves the policy unregularised: the step would divide by zero. Give λ > 0 or a finite η.",
    );
  }
  return parameters;
}

function wrong(name: string, expected: string, came: unknown): CoreError {
  return new CoreError("bad-strength", `${name} must be ${expected}; it is ${describeValue(came)}.`);
}

/** 1/(ηt), the weight of the pull to the iterate that step t starts from. */
export function proximalWeight(eta: number, t: number): number {
  return 1 / (eta * t);
}

/** What weighs the pulls of a step against each other. */
type Weights = Pick<AmuletParameters, "alpha" | "lambda" | "eta">;

/**
 * The same problem with its largest weight near 1. Only the ratios of α, λ, 1/η and, where there is one, β count, and a
 * power of two changes no bit of x; so neither float64 here nor float32 in the loop leaves its range before x does.
 */
export function normaliseWeights<W extends Weights & { readonly beta?: number }>(weights: W): W {
  const { alpha, lambda, eta, beta } = weights;
  const unit = 2 ** Math.floor(Math.log2(Math.min(Math.max(alpha, lambda, 1 / eta), 2 ** 1023)));
  const scaled = { ...weights, alpha: alpha / unit, lambda: lambda / unit, eta: eta * unit };
  return beta === undefined ? scaled : { ...scaled, beta: beta / unit };
}

/** Gives x_1 at its first call, x_2 at its second, and so on. */
export type Walk = () => number;

/**
 * Where each iterate stands on the line that all of them lie on: x_1 = `start`, then for t = 1, 2, …, without end,
 *
 *     x_{t+1} = (drive + α mean(x_1 … x_t) + x_t/(ηt)) / (λ + 1/(ηt)).
 *
 * It is the closed-form step read in the exponent (docs/algorithm.md, "The collapse"); it knows no logits.
 */
export function walkExponents({ alpha, lambda, eta }: Weights, start: number, drive: number): Walk {
  let next = start;
  let sum = 0;
  let t = 0;
  return () => {
    const x = next;
    t += 1;
    sum += x;
    const proximal = proximalWeight(eta, t);
    next = (drive + (alpha * sum) / t + x * proximal) / (lambda + proximal);
    return x;
  };
}

/** x_1, x_2, …: exponents of the preference policy, which Amulet starts from and is pulled back to. */
export function walkGuidance(weights: Weights): Walk {
  const scaled = normaliseWeights(weights);
  return walkExponents(scaled, 1, scaled.lambda);
}

/**
 * x_1 … x_{T+1}: how far each iterate of the loop stands from the base policy towards, and past, the
 * preference policy: π_t ∝ π_base^(1−x_t) · π_pref^(x_t).
 */
export function guidanceTrajectory(parameters: AmuletParameters): number[] {
  const { iterations } = checkParameters(parameters);
  return Array.from({ length: iterations + 1 }, walkGuidance(parameters));
}

/**
 * x_{T+1}: the one number that T steps amount to. Known elsewhere as classifier-free guidance's scale. Infinity, or no
 * number at all, where α is too large beside λ and 1/η for float64.
 */
export function guidanceScale(parameters: AmuletParameters): number {
  const { iterations } = checkParameters(parameters);
  return stepTo(walkGuidance(parameters), iterations);
}

/** What a walk has come to after a number of steps. */
export function stepTo(walk: Walk, steps: number): number {
  for (let step = 0; step < steps; step++) walk();
  return walk();
}

/** x_{T+1} for decoding. @throws CoreError `bad-strength` also where x is past what float32 can decode with */
export function decodableScale(parameters: AmuletParameters): number {
  return checkStrength(guidanceScale(parameters));
}

/** Checks a guidance scale that policies are computed with. @throws CoreError `bad-strength` */
export function checkStrength(scale: number): number {
  if (typeof scale === "number" && Math.abs(scale) <= largestStrength) return scale;
  throw new CoreError(
    "bad-strength",
    `The guidance scale (x) must be a number within ±${largestStrength}, past which float32's roundings decide and not ` +
      `the preference; it is ${describeValue(scale)}. Lower it, or alpha (α) or iterations (T) that it comes from, or raise lambda (λ).`,
  );
}

/** Where x_t goes as T grows: λ/(λ−α) below the critical point α = λ, Infinity from there on, 1 without utility. */
export function guidanceLimit(parameters: Pick<AmuletParameters, "alpha" | "lambda">): number {
  const { alpha, lambda } = checkParameters({ ...parameters, iterations: 0, eta: 1 });
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
 * @throws CoreError `bad-strength` unless exactly one finite number is given, under one of the names
 */
export function strengthNames(known: Partial<StrengthNames>): StrengthNames {
  checkGiven(known, record, "The strength under one of its names", "bad-strength");
  const given = Object.entries(known).filter(([, value]) => value !== undefined);
  const [name, value] = given[0] ?? ["nothing", Number.NaN];
  if (given.length !== 1 || !Number.isFinite(value) || !nameOfStrength.holds(name)) {
    throw new CoreError(
      "bad-strength",
      `Give the strength once, as a finite number under one of its names; what came is ${describeFields(given)}.`,
    );
  }
  const gamma = name === "guidanceScale" ? value - 1 : value;
  const guidanceScale = name === "guidanceScale" ? value : value + 1;
  return { guidanceScale, gamma, linearAlignmentRatio: gamma, contextSteeringLambda: gamma };
}

const nameOfStrength = oneOf("guidanceScale", "gamma", "linearAlignmentRatio", "contextSteeringLambda");

function describeFields(fields: readonly (readonly [string, unknown])[]): string {
  return fields.length === 0
    ? "nothing"
    : fields.map(([name, value]) => `${name} ${describeValue(value)}`).join(", ");
}
