/** `amulet strength`: T, α, λ, η to the one number that they amount to, and back. */
import {
  type AmuletParameters,
  guidanceLimit,
  guidanceScale,
  mostIterations,
  type StrengthSolutions,
  solveStrength,
} from "@amulet-ts/core";
import type { Invocation } from "../../command.js";
import { type CliError, usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { readParameters } from "../../options/methods.js";
import { colorsFor } from "../../terminal/colors.js";
import { formatNumber, writeJson, writeLines } from "../../terminal/output.js";
import type { StrengthCommandValues } from "./command.js";

export async function run({ values, io }: Invocation<StrengthCommandValues>): Promise<void> {
  const parameters = readParameters(values);
  const wanted = values["guidance-scale"];
  const lines =
    wanted === undefined
      ? forwards(parameters, values.json, io)
      : backwards(wanted, parameters, values.json, io);
  if (lines.length > 0) writeLines(io, lines);
}

function forwards(parameters: AmuletParameters, json: boolean | undefined, io: Io): string[] {
  const scale = guidanceScale(parameters);
  if (!Number.isFinite(scale)) throw tooStrong(parameters);
  const limit = guidanceLimit(parameters);
  if (json) {
    writeJson(io, { guidanceScale: scale, gamma: scale - 1, ...parameters, limit, names: namesOf(scale) });
    return [];
  }
  const onwards = Number.isFinite(limit) ? `tends to ${formatNumber(limit)}` : "has no limit (α ≥ λ)";
  return [`${spell(parameters)} give`, "", ...nameLines(scale, io), "", `As T grows, x ${onwards}.`];
}

function backwards(
  wanted: number,
  parameters: AmuletParameters,
  json: boolean | undefined,
  io: Io,
): string[] {
  const solutions = solveStrength(wanted, parameters);
  if (json) {
    const { alpha = null } = solutions;
    const strength = { guidanceScale: wanted, gamma: wanted - 1, ...parameters, alpha };
    writeJson(io, { ...strength, names: namesOf(wanted), alternatives: withNulls(solutions) });
    return [];
  }
  return [
    ...nameLines(wanted, io),
    "",
    ...(wanted < 1
      ? [belowOne(wanted)]
      : [
          `From ${spell(parameters)}, with one of them changed:`,
          "",
          ...solutionLines(solutions, parameters),
        ]),
  ];
}

function tooStrong(parameters: AmuletParameters): CliError {
  return usageError(
    `${spell(parameters)} give an x beyond the largest number that there is: lower α or T, or raise λ.`,
  );
}

/** The strength under the names that it has elsewhere. */
function namesOf(scale: number) {
  return {
    "classifier-free guidance's guidance_scale": scale,
    "Linear Alignment's ratio": scale - 1,
    "Context Steering's λ": scale - 1,
  };
}

function nameLines(scale: number, io: Io): string[] {
  const { bold, dim } = colorsFor(io.stdout, io.environment);
  const [x, gamma] = [String(scale), String(scale - 1)];
  const width = Math.max(x.length, gamma.length);
  return [
    `  x = ${bold(x.padEnd(width))}  ${dim("classifier-free guidance's guidance_scale")}`,
    `  γ = ${bold(gamma.padEnd(width))}  ${dim("Linear Alignment's ratio, Context Steering's λ")}`,
  ];
}

function spell({ iterations, alpha, lambda, eta }: AmuletParameters): string {
  return `T = ${iterations}, α = ${alpha}, λ = ${lambda}, η = ${eta}`;
}

function belowOne(scale: number): string {
  const place =
    scale < 0 ? "before the base prompt" : "between the base prompt (0) and the preference prompt (1)";
  return (
    `No T, α, λ, η give this: Amulet starts at the preference prompt, x = 1, and only goes on from there, and ` +
    `${formatNumber(scale)} lies ${place}. \`--guidance-scale ${scale}\` decodes with it all the same.`
  );
}

function solutionLines(
  { iterations, alpha, lambda, eta }: StrengthSolutions,
  parameters: AmuletParameters,
): string[] {
  const steps =
    iterations &&
    `${iterations.iterations}, the nearest whole number: x = ${formatNumber(iterations.guidanceScale)}`;
  const noSteps = `none up to ${mostIterations}; as T grows, x tends to ${formatNumber(guidanceLimit(parameters))}`;
  const limit = (eta: number) => formatNumber(guidanceScale({ ...parameters, eta }));
  const noEta =
    parameters.lambda > 0 ? `none; even η = Infinity gives x = ${limit(Number.POSITIVE_INFINITY)}` : "none";
  return [
    `  --iterations  ${steps ?? noSteps}`,
    `  --alpha       ${alpha ?? "none"}`,
    `  --lambda      ${lambda ?? "none"}`,
    `  --eta         ${eta ?? noEta}`,
  ];
}

function withNulls({ iterations, alpha, lambda, eta }: StrengthSolutions) {
  const steps = iterations && { value: iterations.iterations, guidanceScale: iterations.guidanceScale };
  return { iterations: steps ?? null, alpha: alpha ?? null, lambda: lambda ?? null, eta: eta ?? null };
}
