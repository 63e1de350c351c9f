/** An implementation from somebody's file: plain functions on plain arrays, judged like ours. */
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AlgorithmSubject, ForwardSubject, Subjects } from "@amulet-ts/verify";
import { CliError, usageError } from "../errors.js";
import { didYouMean } from "../suggest.js";

/** Operations by name, and what each must return; numbers are checked by the laws themselves. */
const algorithmOperations = {
  guidanceScale: "number",
  strengthNames: "object",
  solveStrength: "number",
  logPolicy: "row",
  closedFormStep: "row",
  amuletLoop: "row",
  amuletLoopRows: "rows",
  amuletCollapsed: "row",
  linearAlignment: "row",
  boundedTilt: "object",
  sample: "row",
  sampleTruncated: "row",
  countTensors: "number",
} as const;
const forwardOperations = {
  logits: "rows",
  logitsInSteps: "rows",
  lastLogitsOfRows: "rows",
  lossAndGradient: "object",
} as const;

type Kind = "number" | "object" | "row" | "rows";
type Operation = (...values: unknown[]) => unknown;

/** What a file offers. */
export interface ForeignSubject {
  readonly name: string;
  readonly subjects: Subjects;
  /** Functions that no law knows. */
  readonly unknown: readonly string[];
}

/**
 * Loads a module that exports operations by name, or an object of them as its default. It may also export `name` and
 * `unitRoundoff`, which is 2^-53 (float64) where it does not.
 *
 * @throws CliError `unreadable-input` where it can't be imported, `usage` where it exports no operation
 */
export async function loadForeignSubject(file: string): Promise<ForeignSubject> {
  const exported = await importModule(file);
  const functions = Object.keys(exported).filter((key) => typeof exported[key] === "function");
  const known: readonly string[] = Object.keys({ ...algorithmOperations, ...forwardOperations });
  const unknown = functions.filter((key) => !known.includes(key) && key !== "budgetSlack");
  if (!functions.some((key) => known.includes(key))) throw noOperation(file, unknown, known);
  const name = typeof exported.name === "string" ? exported.name : basename(file);
  const facts = { name, unitRoundoff: readRoundoff(file, exported.unitRoundoff) };
  const slack = exported.budgetSlack;
  const algorithm = takeOperations(exported, algorithmOperations);
  const forward = takeOperations(exported, forwardOperations);
  const subjects: Subjects = {
    ...(hasAny(algorithm) && {
      algorithm: {
        ...facts,
        ...(typeof slack === "function" && { budgetSlack: slack as (nats: number) => number }),
        ...algorithm,
      } as AlgorithmSubject,
    }),
    ...(hasAny(forward) && { forward: { ...facts, ...forward } as ForwardSubject }),
  };
  return { name, subjects, unknown };
}

const hasAny = (operations: object) => Object.keys(operations).length > 0;

async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
    const { default: all, ...named } = module;
    return { ...(typeof all === "object" ? all : {}), ...named };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    const message = `${file} can't be imported as a module of JavaScript: ${reason}.`;
    throw new CliError("unreadable-input", message, { cause });
  }
}

function noOperation(file: string, unknown: readonly string[], known: readonly string[]): CliError {
  const meant = unknown[0] === undefined ? "" : didYouMean(unknown[0], known);
  const found = unknown.length > 0 ? `it has ${unknown.join(", ")}.${meant}` : "it has no function.";
  return usageError(`${file} must export at least one operation; ${found} There are: ${known.join(", ")}.`);
}

function readRoundoff(file: string, value: unknown): number {
  if (value === undefined) return 2 ** -53;
  if (typeof value === "number" && value > 0 && value < 1) return value;
  throw usageError(
    `unitRoundoff of ${file} must be half the gap between 1 and the next number of its type, such as 2 ** -53 or ` +
      `2 ** -24; it is ${String(value)}.`,
  );
}

function takeOperations(
  exported: Readonly<Record<string, unknown>>,
  kinds: Readonly<Record<string, Kind>>,
): Record<string, Operation> {
  const entries = Object.entries(kinds).flatMap(([name, kind]): [string, Operation][] => {
    const operation = exported[name];
    return typeof operation === "function" ? [[name, guard(name, operation as Operation, kind)]] : [];
  });
  return Object.fromEntries(entries);
}

/** Gives it plain arrays of its own, and says in a sentence when what comes back is no such thing. */
function guard(name: string, operation: Operation, kind: Kind): Operation {
  const check = (result: unknown) => {
    if (isKind(result, kind)) return result;
    throw new Error(`${name} must return ${kindNames[kind]}; it returned ${describe(result)}`);
  };
  return (...values) => {
    const result = operation(...values.map(toPlain));
    return result instanceof Promise ? result.then(check) : check(result);
  };
}

const kindNames: Readonly<Record<Kind, string>> = {
  number: "a number",
  object: "an object",
  row: "an array of numbers",
  rows: "an array of arrays of numbers",
};

function isKind(result: unknown, kind: Kind): boolean {
  if (kind === "number") return typeof result === "number";
  if (kind === "object") return typeof result === "object" && result !== null;
  if (kind === "row") return isRow(result);
  return Array.isArray(result) && result.every(isRow);
}

function isRow(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((entry) => typeof entry === "number");
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function describe(value: unknown): string {
  if (Array.isArray(value))
    return `an array with ${describe(value.find((entry) => typeof entry !== "number"))}`;
  return value === null || value === undefined ? String(value) : `a ${typeof value}`;
}

/** Typed arrays become arrays, at any depth of plain objects and arrays. */
function toPlain(value: unknown): unknown {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Float64Array);
  if (Array.isArray(value)) return value.map(toPlain);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, toPlain(entry)]));
}
