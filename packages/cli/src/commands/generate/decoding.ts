/** How one answer is decoded: the method that was asked for, and the options that belong to it. */
import {
  adaCadMethod,
  amuletExactMethod,
  boundedMethod,
  type Change,
  coSteerMethod,
  type GateThresholds,
  type Method,
  nwcadMethod,
  paperCoSteer,
  preferenceMethod,
  promptCdMethod,
  strengthSchedule,
  withMinP,
  withPlausibility,
  withTopNSigma,
} from "@amulet-ts/core";
import { usageError } from "../../errors.js";
import { checkStrength, dialMethods, readBudget, readParameters } from "../../options/methods.js";
import { answerOptions, parameterNames, parameterOptions } from "../../options/shared.js";
import { type GenerateValues, type MethodName, type MethodOption, methodNames } from "./command.js";

const makers: Record<MethodName, (values: GenerateValues) => Method> = {
  ...dialMethods,
  // Which tokens the preference policy takes is the search's matter.
  beam: () => ({ ...preferenceMethod(), name: "beam" }),
  "amulet-exact": (values) => amuletExactMethod(readParameters(values)),
  bounded: (values) => {
    const scale = values["guidance-scale"];
    return boundedMethod(readBudget(values), scale === undefined ? readParameters(values) : scale - 1);
  },
  adacad: ({ warmup }) => adaCadMethod(warmup),
  nwcad: ({ gate }) => nwcadMethod(readGate(gate)),
  promptcd: ({ contrast }) => promptCdMethod(contrast),
  costeer: ({ iterations, alpha, beta, lambda, eta }) =>
    coSteerMethod({ ...paperCoSteer, ...given({ iterations, alpha, beta, lambda, eta }) }),
};

/** What was given of some values. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** NWCAD's three thresholds. @throws CliError `usage` */
function readGate(written: string | undefined): GateThresholds | undefined {
  if (written === undefined) return undefined;
  const [divergence, baseMargin, preferenceMargin, ...more] = written
    .split(",")
    .map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const thresholds = { divergence, baseMargin, preferenceMargin };
  const areNumbers = Object.values(thresholds).every(
    (value) => value !== undefined && value >= 0 && value <= 1,
  );
  if (areNumbers && more.length === 0) return thresholds as GateThresholds;
  throw usageError(
    `--gate must be three numbers from 0 to 1 with commas between them, such as 0.05,0.5,0.5: the most divergence, the ` +
      `least margin of the base policy and that of the preference policy; it is ${JSON.stringify(written)}.`,
  );
}

const masks = {
  plausibility: withPlausibility,
  "min-p-mask": withMinP,
  "top-n-sigma": withTopNSigma,
} as const;
const maskNames = Object.keys(masks) as (keyof typeof masks)[];

/** With every mask that was asked for round it, the first one innermost. */
function mask(method: Method, values: GenerateValues): Method {
  return maskNames.reduce((masked, name) => {
    const value = values[name];
    return value === undefined ? masked : masks[name](masked, value);
  }, method);
}

export interface Decoding {
  readonly name: MethodName;
  readonly method: Method;
  /** What `--strength-schedule` changes between two tokens. */
  readonly beforeToken?: (generated: readonly number[]) => Change;
}

/** @throws CliError `usage` for options of another method, CoreError `bad-strength` */
export function readDecoding(values: GenerateValues): Decoding {
  const { method: asked = defaultMethod(values), "kl-budget": budget } = values;
  const name = asked === "amulet" && budget !== undefined ? "bounded" : asked;
  checkOptions(values, name);
  const written = values["strength-schedule"];
  if (written !== undefined) return readSchedule(values, written);
  checkStrength(values);
  return { name, method: mask(makers[name](values), values) };
}

/** Where a strength or a mask is given it is Amulet's; else a budget bounds it (docs/decisions/0012). */
function defaultMethod(values: GenerateValues): MethodName {
  const settings = ["guidance-scale", "strength-schedule", ...parameterNames, ...maskNames] as const;
  return settings.some((name) => values[name] !== undefined) ? "amulet" : "bounded";
}

function readSchedule(values: GenerateValues, written: string): Decoding {
  const other = (["guidance-scale", ...parameterNames, ...maskNames] as const).find(
    (name) => values[name] !== undefined,
  );
  if (other !== undefined) throw usageError(`Give --strength-schedule or --${other}, not both.`);
  const { methodAt, beforeToken } = strengthSchedule(written);
  return { name: "amulet", method: methodAt(0), beforeToken };
}

/** Whether a method weighs Δ against a policy: then it can be masked, and Δ may be another model's. */
const isSteering: Record<MethodName, boolean> = {
  base: false,
  pref: false,
  beam: false,
  la: true,
  amulet: true,
  "amulet-exact": true,
  bounded: true,
  adacad: true,
  nwcad: true,
  promptcd: true,
  costeer: true,
};
const steering = methodNames.filter((name) => isSteering[name]);
const loops: readonly MethodName[] = ["amulet", "amulet-exact", "bounded"];
const tokenByToken = methodNames.filter((name) => name !== "beam");
const { "max-new-tokens": _, ...choosing } = answerOptions;

/** The same methods for each of these options. */
function belongTo<Name extends MethodOption>(
  options: Readonly<Record<Name, unknown>>,
  methods: readonly MethodName[],
) {
  return Object.fromEntries(Object.keys(options).map((name) => [name, methods])) as Record<
    Name,
    readonly MethodName[]
  >;
}

/** The methods that an option does something with. */
const methodsOf: Record<MethodOption, readonly MethodName[]> = {
  ratio: ["la"],
  "guidance-scale": ["amulet", "bounded"],
  ...belongTo(parameterOptions, [...loops, "costeer"]),
  "kl-budget": ["bounded"],
  ...belongTo(masks, steering),
  warmup: ["adacad"],
  gate: ["nwcad"],
  contrast: ["promptcd"],
  beta: ["costeer"],
  "delta-model": ["pref", ...steering],
  "strength-schedule": ["amulet"],
  beams: ["beam"],
  "length-penalty": ["beam"],
  ...belongTo({ ...choosing, explain: true }, tokenByToken),
  "max-new-tokens": methodNames,
};

function checkOptions(values: GenerateValues, method: MethodName): void {
  for (const [option, methods] of Object.entries(methodsOf)) {
    if (values[option as MethodOption] === undefined || methods.includes(method)) continue;
    throw usageError(
      `--${option} does nothing with --method ${method}; it belongs to ${methods.join(" and ")}.`,
    );
  }
}
