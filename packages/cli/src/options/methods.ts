/** From the strength options to decoding methods. */
import {
  type AmuletParameters,
  amuletExactMethod,
  amuletMethod,
  baseMethod,
  boundedMethod,
  type Change,
  checkParameters,
  guidanceMethod,
  guidanceScale,
  linearAlignmentMethod,
  type Method,
  paperParameters,
  preferenceMethod,
  strengthSchedule,
  withPlausibility,
} from "@amulet-ts/core";
import { usageError } from "../errors.js";
import { formatNumber } from "../terminal/output.js";
import { defaultBudget, type MethodName, methodNames, type OptionName, type OptionValues } from "./table.js";

/** T, α, λ, η, the paper's where they are not given. @throws CoreError `bad-strength` */
export function readParameters(values: OptionValues): AmuletParameters {
  const { iterations, alpha, lambda, eta } = { ...paperParameters, ...values };
  return checkParameters({ iterations, alpha, lambda, eta });
}

const makers: Record<MethodName, (values: OptionValues) => Method> = {
  base: baseMethod,
  pref: preferenceMethod,
  // Which tokens the preference policy takes is the search's matter.
  beam: () => ({ ...preferenceMethod(), name: "beam" }),
  la: ({ ratio, plausibility }) => mask(linearAlignmentMethod(ratio), plausibility),
  amulet: (values) => {
    const scale = values["guidance-scale"];
    return scale === undefined ? amuletMethod(readParameters(values)) : guidanceMethod(scale, "amulet");
  },
  "amulet-exact": (values) => amuletExactMethod(readParameters(values)),
  bounded: (values) => boundedMethod(readBudget(values), readScale(values) - 1),
};

/** Bounded Amulet's nats per token. */
export function readBudget(values: OptionValues): number {
  return values["kl-budget"] ?? defaultBudget;
}

function readScale(values: OptionValues): number {
  return values["guidance-scale"] ?? guidanceScale(readParameters(values));
}

function mask(method: Method, plausibility: number | undefined): Method {
  return plausibility === undefined ? method : withPlausibility(method, plausibility);
}

/** How one answer is decoded. */
export interface Decoding {
  readonly name: MethodName;
  readonly method: Method;
  /** What `--strength-schedule` changes between two tokens. */
  readonly beforeToken?: (generated: readonly number[]) => Change;
}

/** The decoding of `generate`. @throws CliError `usage` for options of another method, CoreError `bad-strength` */
export function readDecoding(values: OptionValues): Decoding {
  const { method: asked = "amulet", "kl-budget": budget } = values;
  const name = asked === "amulet" && budget !== undefined ? "bounded" : asked;
  checkOptions(values, name);
  const written = values["strength-schedule"];
  if (written !== undefined) return readSchedule(values, written);
  const method = makers[name](values);
  return { name, method: name === "la" ? method : mask(method, values.plausibility) };
}

function readSchedule(values: OptionValues, written: string): Decoding {
  const other = (["guidance-scale", ...parameterNames, "plausibility"] as const).find(
    (name) => values[name] !== undefined,
  );
  if (other !== undefined) throw usageError(`Give --strength-schedule or --${other}, not both.`);
  const { methodAt, beforeToken } = strengthSchedule(written);
  return { name: "amulet", method: methodAt(0), beforeToken };
}

/** A method of `compare`, and its dial in a few characters. */
export interface ComparedMethod {
  readonly method: Method;
  readonly dial: string;
}

/** The methods that `compare` shows, in its order. @throws CoreError `bad-strength` */
export function comparedMethods(values: OptionValues): ComparedMethod[] {
  const budget = readBudget(values);
  const methods = (["base", "pref", "la", "amulet"] as const).map((name) => makers[name](values));
  // A dial that stops before the preference prompt has no drift to bound.
  const bounded = boundedMethod(budget, Math.max(0, readScale(values) - 1));
  return [
    ...methods.map((method) => ({ method, dial: `x = ${formatNumber(method.guidanceScale!)}` })),
    { method: bounded, dial: `KL ≤ ${formatNumber(budget)}` },
  ];
}

const parameterNames = ["iterations", "alpha", "lambda", "eta"] as const;
const loops: readonly MethodName[] = ["amulet", "amulet-exact", "bounded"];
const tokenByToken = methodNames.filter((name) => name !== "beam");

/** The methods that an option does something with; all of them where it is not listed. */
const methodsOf: Partial<Record<OptionName, readonly MethodName[]>> = {
  ratio: ["la"],
  "guidance-scale": ["amulet", "bounded"],
  ...Object.fromEntries(parameterNames.map((name) => [name, loops])),
  "kl-budget": ["bounded"],
  plausibility: ["la", ...loops],
  "strength-schedule": ["amulet"],
  beams: ["beam"],
  "length-penalty": ["beam"],
  ...Object.fromEntries(
    ["temperature", "top-k", "top-p", "min-p", "seed", "stop", "explain"].map((name) => [name, tokenByToken]),
  ),
  "min-new-tokens": tokenByToken,
  ban: tokenByToken,
  "repetition-penalty": tokenByToken,
  "presence-penalty": tokenByToken,
};

function checkOptions(values: OptionValues, method: MethodName): void {
  for (const [option, methods] of Object.entries(methodsOf)) {
    if (values[option as OptionName] === undefined || methods.includes(method)) continue;
    throw usageError(
      `--${option} does nothing with --method ${method}; it belongs to ${methods.join(" and ")}.`,
    );
  }
}
