/** The JSON that `amulet policy` reads, checked. */
import { type AmuletParameters, checkParameters, paperParameters } from "@amulet-ts/core";
import { CliError } from "../../errors.js";
import type { ParameterValues } from "../../options/shared.js";

export interface PolicyInput {
  /** Rows of logits, `[B, V]` both; −Infinity forbids a token. */
  readonly base: readonly (readonly number[])[];
  readonly preference: readonly (readonly number[])[];
  readonly parameters: AmuletParameters;
}

const largestFloat32 = 3.4028234663852886e38;
const numbers = ["iterations", "alpha", "lambda", "eta"] as const;
const fields: readonly string[] = ["baseLogits", "preferenceLogits", ...numbers];

/**
 * Options of the command line go before fields of the file, and those before the paper's values.
 *
 * @throws CliError `unreadable-input`, naming the field; CoreError `bad-strength`
 */
export function readPolicyInput(value: unknown, values: ParameterValues): PolicyInput {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong("The input must be an object with baseLogits and preferenceLogits");
  }
  const record = value as Readonly<Record<string, unknown>>;
  const strange = Object.keys(record).find((name) => !fields.includes(name));
  if (strange !== undefined) {
    throw wrong(`The input has a field ${JSON.stringify(strange)}; known are ${fields.join(", ")}`);
  }
  const base = readRows(record.baseLogits, "baseLogits");
  const preference = readRows(record.preferenceLogits, "preferenceLogits");
  checkSameShape(base, preference);
  return { base, preference, parameters: readParameters(record, values) };
}

function readParameters(
  record: Readonly<Record<string, unknown>>,
  values: ParameterValues,
): AmuletParameters {
  const parameters = { ...paperParameters };
  for (const name of numbers) {
    const given = values[name] ?? record[name];
    if (given !== undefined) parameters[name] = readParameter(given, name);
  }
  return checkParameters(parameters);
}

/** JSON has no infinity: η may be the text "Infinity". */
function readParameter(value: unknown, name: string): number {
  if (typeof value === "number") return value;
  if (value === "Infinity") return Number.POSITIVE_INFINITY;
  throw wrong(`${name} must be a number; it is ${show(value)}`);
}

function readRows(value: unknown, name: string): number[][] {
  if (value === undefined) throw wrong(`${name} is missing: rows of logits, such as [[0.5, 1, -2]]`);
  if (!Array.isArray(value) || value.length === 0 || !value.every((row) => Array.isArray(row))) {
    throw wrong(`${name} must be rows of logits, such as [[0.5, 1, -2]]; it is ${show(value)}`);
  }
  const rows: readonly (readonly unknown[])[] = value;
  return rows.map((row, index) => readRow(row, `${name}[${index}]`, rows[0]!.length));
}

function readRow(row: readonly unknown[], name: string, width: number): number[] {
  if (row.length === 0) throw wrong(`${name} is empty: it needs a logit for every token`);
  if (row.length !== width) throw wrong(`${name} has ${row.length} logits, the first row ${width}`);
  const logits = row.map((value, index) => readLogit(value, `${name}[${index}]`));
  if (logits.some(Number.isFinite)) return logits;
  throw wrong(`${name} leaves no token possible: one logit at least must be a number`);
}

function readLogit(value: unknown, name: string): number {
  if (value === null || value === "-Infinity") return Number.NEGATIVE_INFINITY;
  if (typeof value === "number" && Math.abs(value) <= largestFloat32) return value;
  throw wrong(
    `${name} must be a number in float32's range, or null or "-Infinity" for −∞; it is ${show(value)}`,
  );
}

function checkSameShape(base: readonly number[][], preference: readonly number[][]): void {
  const shape = (rows: readonly number[][]) => `[${rows.length}, ${rows[0]!.length}]`;
  if (shape(base) === shape(preference)) return;
  throw wrong(
    `baseLogits and preferenceLogits must have the same shape; they have ${shape(base)} and ${shape(preference)}`,
  );
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60);
}

function wrong(sentence: string): CliError {
  return new CliError("unreadable-input", `${sentence}.`);
}
