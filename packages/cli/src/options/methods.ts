/** From the dials of the command line to decoding methods. */
import {
  type AmuletParameters,
  amuletMethod,
  baseMethod,
  boundedMethod,
  checkParameters,
  defaultDriftBudget,
  guidanceMethod,
  guidanceScale,
  linearAlignmentMethod,
  type Method,
  paperParameters,
  preferenceMethod,
  withPlausibility,
} from "@amulet-ts/core";
import { usageError } from "../errors.js";
import { formatNumber } from "../terminal/output.js";
import { type MethodValues, type ParameterValues, parameterNames, type StrengthValues } from "./shared.js";

/** T, α, λ, η, the paper's where they are not given. @throws CoreError `bad-strength` */
export function readParameters(values: ParameterValues): AmuletParameters {
  const { iterations, alpha, lambda, eta } = { ...paperParameters, ...values };
  return checkParameters({ iterations, alpha, lambda, eta });
}

/** x stands instead of T, α, λ, η, not beside them. @throws CliError `usage` */
export function checkStrength(values: StrengthValues): void {
  if (values["guidance-scale"] === undefined) return;
  const other = parameterNames.find((name) => values[name] !== undefined);
  if (other !== undefined) throw usageError(`Give --guidance-scale or --${other}, not both.`);
}

/** Bounded Amulet's nats per token. */
export function readBudget(values: MethodValues): number {
  return values["kl-budget"] ?? defaultDriftBudget;
}

/** x, by its own name or by the paper's parameters. */
function readScale(values: MethodValues): number {
  return values["guidance-scale"] ?? guidanceScale(readParameters(values));
}

/** The methods that are one number each. @throws CoreError `bad-strength` */
export const dialMethods = {
  base: baseMethod,
  pref: preferenceMethod,
  la: ({ ratio }) => linearAlignmentMethod(ratio),
  amulet: (values) => {
    const scale = values["guidance-scale"];
    return scale === undefined ? amuletMethod(readParameters(values)) : guidanceMethod(scale, "amulet");
  },
} as const satisfies Record<string, (values: MethodValues) => Method>;

/** A method of `compare`, and its dial in a few characters. */
export interface ComparedMethod {
  readonly method: Method;
  readonly dial: string;
}

/** The methods that `compare` shows, in its order. @throws CliError `usage`, CoreError `bad-strength` */
export function comparedMethods(values: MethodValues): ComparedMethod[] {
  checkStrength(values);
  const budget = readBudget(values);
  const methods = Object.entries<(values: MethodValues) => Method>(dialMethods).map(([name, make]) => {
    const method = make(values);
    const { plausibility } = values;
    return name === "la" && plausibility !== undefined ? withPlausibility(method, plausibility) : method;
  });
  // A dial that stops before the preference prompt has no drift to bound.
  const bounded = boundedMethod(budget, Math.max(0, readScale(values) - 1));
  return [
    ...methods.map((method) => ({ method, dial: `x = ${formatNumber(method.guidanceScale!)}` })),
    { method: bounded, dial: `KL ≤ ${formatNumber(budget)}` },
  ];
}
