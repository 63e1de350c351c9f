/** How one answer is decoded: the method that was asked for, and the options that belong to it. */
import {
  amuletExactMethod,
  boundedMethod,
  type Change,
  type Method,
  preferenceMethod,
  strengthSchedule,
} from "@amulet-ts/core";
import { usageError } from "../../errors.js";
import { dialMethods, mask, readBudget, readParameters, readScale } from "../../options/methods.js";
import { answerOptions, parameterOptions } from "../../options/shared.js";
import { type GenerateValues, type MethodName, methodNames } from "./command.js";

const makers: Record<MethodName, (values: GenerateValues) => Method> = {
  ...dialMethods,
  // Which tokens the preference policy takes is the search's matter.
  beam: () => ({ ...preferenceMethod(), name: "beam" }),
  "amulet-exact": (values) => amuletExactMethod(readParameters(values)),
  bounded: (values) => boundedMethod(readBudget(values), readScale(values) - 1),
};

export interface Decoding {
  readonly name: MethodName;
  readonly method: Method;
  /** What `--strength-schedule` changes between two tokens. */
  readonly beforeToken?: (generated: readonly number[]) => Change;
}

/** @throws CliError `usage` for options of another method, CoreError `bad-strength` */
export function readDecoding(values: GenerateValues): Decoding {
  const { method: asked = "amulet", "kl-budget": budget } = values;
  const name = asked === "amulet" && budget !== undefined ? "bounded" : asked;
  checkOptions(values, name);
  const written = values["strength-schedule"];
  if (written !== undefined) return readSchedule(values, written);
  const method = makers[name](values);
  return { name, method: name === "la" ? method : mask(method, values.plausibility) };
}

const parameterNames = Object.keys(parameterOptions) as (keyof typeof parameterOptions)[];

function readSchedule(values: GenerateValues, written: string): Decoding {
  const other = (["guidance-scale", ...parameterNames, "plausibility"] as const).find(
    (name) => values[name] !== undefined,
  );
  if (other !== undefined) throw usageError(`Give --strength-schedule or --${other}, not both.`);
  const { methodAt, beforeToken } = strengthSchedule(written);
  return { name: "amulet", method: methodAt(0), beforeToken };
}

const loops: readonly MethodName[] = ["amulet", "amulet-exact", "bounded"];
const tokenByToken = methodNames.filter((name) => name !== "beam");
const { "max-new-tokens": _, ...choosing } = answerOptions;

/** The methods that an option does something with; all of them where it is not listed. */
const methodsOf: Partial<Record<keyof GenerateValues, readonly MethodName[]>> = {
  ratio: ["la"],
  "guidance-scale": ["amulet", "bounded"],
  ...Object.fromEntries(parameterNames.map((name) => [name, loops])),
  "kl-budget": ["bounded"],
  plausibility: ["la", ...loops],
  "strength-schedule": ["amulet"],
  beams: ["beam"],
  "length-penalty": ["beam"],
  ...Object.fromEntries([...Object.keys(choosing), "explain"].map((name) => [name, tokenByToken])),
};

function checkOptions(values: GenerateValues, method: MethodName): void {
  for (const [option, methods] of Object.entries(methodsOf)) {
    if (values[option as keyof GenerateValues] === undefined || methods.includes(method)) continue;
    throw usageError(
      `--${option} does nothing with --method ${method}; it belongs to ${methods.join(" and ")}.`,
    );
  }
}
