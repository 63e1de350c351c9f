/** From the strength options to decoding methods. */
import {
  type AmuletParameters,
  amuletExactMethod,
  amuletMethod,
  baseMethod,
  checkParameters,
  guidanceMethod,
  linearAlignmentMethod,
  type Method,
  paperParameters,
  preferenceMethod,
} from "@amulet-ts/core";
import { usageError } from "./errors.js";
import type { MethodName, OptionName, OptionValues } from "./options.js";

/** T, α, λ, η, the paper's where they are not given. @throws CoreError `bad-strength` */
export function readParameters(values: OptionValues): AmuletParameters {
  const { iterations, alpha, lambda, eta } = { ...paperParameters, ...values };
  return checkParameters({ iterations, alpha, lambda, eta });
}

const makers: Record<MethodName, (values: OptionValues) => Method> = {
  base: baseMethod,
  pref: preferenceMethod,
  la: ({ ratio }) => linearAlignmentMethod(ratio),
  amulet: (values) => {
    const scale = values["guidance-scale"];
    return scale === undefined ? amuletMethod(readParameters(values)) : guidanceMethod(scale, "amulet");
  },
  "amulet-exact": (values) => amuletExactMethod(readParameters(values)),
};

/** The method of `generate`. @throws CliError `usage` for options of another method, CoreError `bad-strength` */
export function readMethod(values: OptionValues): Method {
  const name = values.method ?? "amulet";
  checkOnlyFor(values, name, "ratio", ["la"]);
  checkOnlyFor(values, name, "guidance-scale", ["amulet"]);
  for (const option of ["iterations", "alpha", "lambda", "eta"] as const) {
    checkOnlyFor(values, name, option, ["amulet", "amulet-exact"]);
  }
  return makers[name](values);
}

/** The methods that `compare` shows, in its order. @throws CoreError `bad-strength` */
export function comparedMethods(values: OptionValues): Method[] {
  return (["base", "pref", "la", "amulet"] as const).map((name) => makers[name](values));
}

function checkOnlyFor(
  values: OptionValues,
  method: MethodName,
  option: OptionName,
  methods: readonly MethodName[],
): void {
  if (values[option] === undefined || methods.includes(method)) return;
  throw usageError(
    `--${option} does nothing with --method ${method}; it belongs to ${methods.join(" and ")}.`,
  );
}
