/** What a run turns: one setting of one decoding method, and the lists of settings that make a curve. */
import {
  amuletExactMethod,
  baseMethod,
  boundedMethod,
  guidanceMethod,
  guidanceScale,
  linearAlignmentMethod,
  type Method,
  paperParameters,
  paperPlausibility,
  preferenceMethod,
  withPlausibility,
} from "@amulet-ts/core";
import { EvaluationError } from "../errors.js";

/**
 * One setting. `dial`: the strength x itself. `loop`: T steps of the published loop. `bounded`: a budget of KL per
 * token, in nats, under the paper's strength. `masked`: Linear Alignment's ratio with its plausibility mask. `beam`: a beam
 * search of the preference prompt, so many wide.
 */
export interface Setting {
  readonly kind: "dial" | "loop" | "bounded" | "masked" | "beam";
  readonly value: number;
  /** Only tokens in the preference policy's nucleus of this probability; a masked setting has the paper's 0.8 anyway. */
  readonly plausibility?: number;
  /** How much each part of a preference of several counts; 1 each where it is left out. */
  readonly weights?: readonly number[];
}

/** The lists that are turned through. Every curve is ascending. */
export interface CurvePlan {
  /** x, from 0 (the base prompt alone) over 1 (the preference prompt alone) onwards. */
  readonly strengths: readonly number[];
  /** T at the paper's α, λ and η. Run as the x that it amounts to. */
  readonly iterations: readonly number[];
  /** Those T that are run as the published loop as well, to hold the conversion against it. */
  readonly exactIterations: readonly number[];
  /** Nats per token. */
  readonly budgets: readonly number[];
  /** Linear Alignment's ratios; without a mask they are x = ratio + 1. */
  readonly ratios: readonly number[];
}

export const paperStrength = guidanceScale(paperParameters);

/** x of the collapsed form of T steps with the paper's other parameters. */
export function strengthOfIterations(iterations: number): number {
  return guidanceScale({ ...paperParameters, iterations });
}

/** Every distinct setting of a plan, the dial's first and in its order. @throws EvaluationError `bad-plan` */
export function settingsOf(plan: CurvePlan): Setting[] {
  for (const [name, values] of Object.entries(plan)) checkAscending(name, values);
  const strengths = [
    ...plan.strengths,
    ...plan.iterations.map(strengthOfIterations),
    ...plan.ratios.map((ratio) => ratio + 1),
  ];
  const distinct = [...new Set(strengths)].sort((a, b) => a - b);
  return [
    ...distinct.map((value): Setting => ({ kind: "dial", value })),
    ...plan.exactIterations.map((value): Setting => ({ kind: "loop", value })),
    ...plan.budgets.map((value): Setting => ({ kind: "bounded", value })),
    ...plan.ratios.map((value): Setting => ({ kind: "masked", value })),
  ];
}

function checkAscending(name: string, values: readonly number[]): void {
  const bad = values.findIndex(
    (value, i) => !(Number.isFinite(value) && (i === 0 || value > values[i - 1]!)),
  );
  if (bad < 0) return;
  throw new EvaluationError(
    "bad-plan",
    `The ${name} of a curve must be finite and ascending; entry ${bad} is ${values[bad]}` +
      `${bad === 0 ? "" : ` after ${values[bad - 1]}`}.`,
  );
}

/** Names a setting in files: equal for equal settings. */
export function keyOf({ kind, value, plausibility, weights }: Setting): string {
  const mask = plausibility === undefined ? "" : ` top-p ${plausibility}`;
  return `${kind} ${value}${mask}${weights === undefined ? "" : ` weights ${weights.join(" ")}`}`;
}

/** The decoding method of a setting. @throws CoreError `bad-strength`; EvaluationError `bad-plan` for a beam search, which is none */
export function methodOf({ plausibility, weights: _, ...setting }: Setting): Method {
  const method = bareMethodOf(setting);
  return plausibility === undefined ? method : withPlausibility(method, plausibility);
}

function bareMethodOf({ kind, value }: Setting): Method {
  switch (kind) {
    case "dial":
      return dialMethod(value);
    case "loop":
      return amuletExactMethod({ ...paperParameters, iterations: value });
    case "bounded":
      return boundedMethod(value);
    case "masked":
      return withPlausibility(linearAlignmentMethod(value), paperPlausibility);
    case "beam":
      throw new EvaluationError("bad-plan", "A beam search is no method that tokens are decoded by.");
  }
}

/** The ends that have a method of their own are that method, without the extrapolation's rounding. */
function dialMethod(x: number): Method {
  if (x === 0) return baseMethod();
  return x === 1 ? preferenceMethod() : guidanceMethod(x);
}
