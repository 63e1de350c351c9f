/** An implementation from somebody's file: plain functions on plain arrays, judged like ours. */
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AlgorithmSubject, ForwardSubject, Subjects } from "@amulet-ts/verify";
import { CliError, usageError } from "../../errors.js";
import { didYouMean } from "../../options/suggest.js";

/** Operations by name, and what each must return; what numbers it may hold is the laws' affair. */
const algorithmOperations = {
  guidanceScale: "number",
  strengthNames: "names",
  solveStrength: "number",
  logPolicy: "row",
  closedFormStep: "row",
  amuletLoop: "row",
  amuletLoopRows: "rows",
  amuletCollapsed: "row",
  linearAlignment: "row",
  boundedTilt: "tilt",
  adaCad: "tilt",
  gate: "tilt",
  maskedAlignment: "row",
  transferDelta: "row",
  coSteerScale: "number",
  sample: "row",
  sampleTruncated: "row",
  countTensors: "number",
} as const;
const forwardOperations = {
  logits: "rows",
  logitsInSteps: "rows",
  lastLogitsOfRows: "rows",
  lossAndGradient: "gradient",
  countTensors: "number",
} as const;

type Kind = "number" | "names" | "tilt" | "gradient" | "row" | "rows";
type Operation = (...values: unknown[]) => unknown;

/** What a file offers. */
export interface ForeignSubject {
  readonly name: string;
  readonly subjects: Subjects;
  /** Functions that no law knows. */
  readonly unknown: readonly string[];
}

/**
 * Loads a module that exports operations by name, or an object of them as its default, whose methods keep their
 * `this`. It may also export `name`, `unitRoundoff`, which is 2^-53 (float64) where it does not, and `budgetSlack`.
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
    ...((hasAny(algorithm) || !hasAny(forward)) && {
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

/** Counting tensors is no operation to judge: it tells what the others leave behind. */
const hasAny = (operations: object) => Object.keys(operations).some((name) => name !== "countTensors");

async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
    const { default: all, ...named } = module;
    return { ...(typeof all === "object" && all !== null ? membersOf(all) : {}), ...named };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    const message = `${file} can't be imported as a module of JavaScript: ${reason}.`;
    throw new CliError("unreadable-input", message, { cause });
  }
}

/** What an object has of its own and from its class; methods stay bound to it. */
function membersOf(object: object): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (let holder = object; holder !== Object.prototype && holder; holder = Object.getPrototypeOf(holder)) {
    for (const key of Object.getOwnPropertyNames(holder)) {
      if (key === "constructor" || Object.hasOwn(members, key)) continue;
      const member: unknown = Reflect.get(object, key);
      members[key] = typeof member === "function" ? member.bind(object) : member;
    }
  }
  return members;
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
    const fault = faultOf(result, kind);
    if (fault !== undefined) throw new Error(`${name} must return ${kindNames[kind]}; ${fault}`);
    return kind === "gradient" ? withMap(result as LossAndGradient) : result;
  };
  return (...values) => {
    const result = operation(...values.map(toPlain));
    return result instanceof Promise ? result.then(check) : check(result);
  };
}

const kindNames: Readonly<Record<Kind, string>> = {
  number: "a number",
  names: "an object with the numbers guidanceScale, gamma, linearAlignmentRatio and contextSteeringLambda",
  tilt: "an object with the number gamma and the array logPolicy",
  gradient: "an object with the number loss and gradient, a Map or an object of arrays by the tensors' names",
  row: "an array of numbers",
  rows: "an array of arrays of numbers",
};

/** The fields that an object of a kind must have. */
const fieldsOf: Readonly<Partial<Record<Kind, Readonly<Record<string, (value: unknown) => boolean>>>>> = {
  names: {
    guidanceScale: isNumber,
    gamma: isNumber,
    linearAlignmentRatio: isNumber,
    contextSteeringLambda: isNumber,
  },
  tilt: { gamma: isNumber, logPolicy: isRow },
  gradient: { loss: isNumber, gradient: isTable },
};

/** What is wrong with a result, as the end of a sentence; undefined where nothing is. */
function faultOf(result: unknown, kind: Kind): string | undefined {
  const fields = fieldsOf[kind];
  if (fields === undefined) return isPlainKind(result, kind) ? undefined : `it returned ${describe(result)}`;
  if (typeof result !== "object" || result === null) return `it returned ${describe(result)}`;
  const wrong = Object.keys(fields).find((key) => !fields[key]!(Reflect.get(result, key)));
  return wrong === undefined ? undefined : `its ${wrong} is ${describe(Reflect.get(result, wrong))}`;
}

function isPlainKind(result: unknown, kind: Kind): boolean {
  if (kind === "number") return isNumber(result);
  if (kind === "row") return isRow(result);
  return Array.isArray(result) && result.every(isRow);
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

function isRow(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isNumber);
  return ArrayBuffer.isView(value) && isNumber(Reflect.get(value, "length")) && !isBig(value);
}

function isBig(value: ArrayBufferView): boolean {
  return value instanceof BigInt64Array || value instanceof BigUint64Array;
}

function isTable(value: unknown): boolean {
  if (value instanceof Map) return [...value.values()].every(isRow);
  return typeof value === "object" && value !== null && Object.values(value).every(isRow);
}

type LossAndGradient = Readonly<Record<"loss" | "gradient", unknown>>;

/** Laws take a Map; an object of arrays says the same. */
function withMap({ loss, gradient }: LossAndGradient): LossAndGradient {
  return { loss, gradient: gradient instanceof Map ? gradient : new Map(Object.entries(gradient as object)) };
}

function describe(value: unknown): string {
  if (isRow(value)) return "an array of numbers";
  if (Array.isArray(value)) return `an array with ${describe(value.find((entry) => !isNumber(entry)))}`;
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Copies: typed arrays become arrays, at any depth of plain objects, arrays and maps. What is judged gets none of ours. */
function toPlain(value: unknown): unknown {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Float64Array);
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Map) return new Map(Array.from(value, ([key, entry]) => [key, toPlain(entry)]));
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, toPlain(entry)]));
}
