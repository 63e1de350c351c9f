/** An implementation from somebody's file: plain functions on plain arrays, judged like ours, in a process of its own. */
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AlgorithmSubject, ForwardSubject, Subjects } from "@amulet-ts/verify";
import { CliError, usageError } from "../../../errors.js";
import { didYouMean } from "../../../options/suggest.js";
import { foreignText } from "../../../terminal/printable.js";
import { algorithmOperations, forwardOperations, type Kind } from "./operations.js";
import { type Line, readNumber } from "./read-answer.js";
import { type Bounds, SubjectProcess } from "./subject-process.js";

/** What a file offers; to be closed. */
export interface ForeignSubject {
  readonly name: string;
  /** What it claims of itself that makes laws milder. */
  readonly claims: readonly string[];
  readonly subjects: Subjects;
  /** Functions that no law knows. */
  readonly unknown: readonly string[];
  close(): void;
}

const longestName = 60;
const longestReason = 300;
/** bfloat16's: no type that anybody computes policies in is coarser. */
const coarsestRoundoff = 2 ** -8;

/**
 * Loads a module that exports operations by name, or an object of them as its default, whose methods keep their
 * `this`. It may also export `name`, `unitRoundoff`, which is 2^-53 (float64) where it does not, and `budgetSlack`.
 *
 * @throws CliError `unreadable-input` where it can't be imported, `usage` where it exports no operation
 */
export async function loadForeignSubject(
  file: string,
  bounds: Bounds,
  signal: AbortSignal,
): Promise<ForeignSubject> {
  const [running, hello] = await open(file, bounds, signal);
  try {
    return { ...describeSubject(file, hello, running), close: () => running.close() };
  } catch (error) {
    running.close();
    throw error;
  }
}

async function open(file: string, bounds: Bounds, signal: AbortSignal): Promise<[SubjectProcess, Line]> {
  const opened = await SubjectProcess.open(pathToFileURL(resolve(file)).href, bounds, signal).catch(
    (cause: Error) => {
      signal.throwIfAborted();
      throw cannotImport(file, cause.message, cause);
    },
  );
  const [running, { refused }] = opened;
  if (refused === undefined) return opened;
  running.close();
  throw cannotImport(file, String(refused));
}

function cannotImport(file: string, reason: string, cause?: unknown): CliError {
  const why = foreignText(reason, longestReason);
  const message = `${file} can't be imported as a module of JavaScript: ${why}.`;
  return new CliError("unreadable-input", message, { cause });
}

function describeSubject(file: string, hello: Line, running: SubjectProcess): Omit<ForeignSubject, "close"> {
  const functions = Array.isArray(hello.functions) ? hello.functions.map(String) : [];
  const known: readonly string[] = Object.keys({ ...algorithmOperations, ...forwardOperations });
  const unknown = functions
    .filter((key) => !known.includes(key) && key !== "budgetSlack")
    .map((key) => foreignText(key, longestName));
  if (!functions.some((key) => known.includes(key))) throw noOperation(file, unknown, known);
  const name = foreignText(String(hello.name ?? ""), longestName) || foreignText(basename(file), longestName);
  const unitRoundoff = readRoundoff(file, hello.unitRoundoff);
  const facts = { name, unitRoundoff, startCase: () => running.startCase() };
  const statesSlack = functions.includes("budgetSlack");
  const slack = statesSlack && { budgetSlack: askFor(running, "budgetSlack", "number") };
  const algorithm = takeOperations(running, functions, algorithmOperations);
  const forward = takeOperations(running, functions, forwardOperations);
  const subjects: Subjects = {
    ...((hasAny(algorithm) || !hasAny(forward)) && {
      algorithm: { ...facts, ...slack, ...algorithm } as AlgorithmSubject,
    }),
    ...(hasAny(forward) && { forward: { ...facts, ...forward } as ForwardSubject }),
  };
  const claims = [
    ...(hello.unitRoundoff === undefined ? [] : [`unit roundoff 2^${Math.log2(unitRoundoff)}`]),
    ...(statesSlack ? ["a part of its budgets unused"] : []),
  ];
  return { name, claims, subjects, unknown };
}

/** Counting tensors is no operation to judge: it tells what the others leave behind. */
const hasAny = (operations: object) => Object.keys(operations).some((name) => name !== "countTensors");

function noOperation(file: string, unknown: readonly string[], known: readonly string[]): CliError {
  const meant = unknown[0] === undefined ? "" : didYouMean(unknown[0], known);
  const found = unknown.length > 0 ? `it has ${unknown.join(", ")}.${meant}` : "it has no function.";
  return usageError(`${file} must export at least one operation; ${found} There are: ${known.join(", ")}.`);
}

/** A coarse type earns wide tolerances: one that nobody computes in would excuse anything. */
function readRoundoff(file: string, stated: unknown): number {
  if (stated === undefined) return 2 ** -53;
  const value = numberIn(stated);
  if (value !== undefined && value > 0 && value <= coarsestRoundoff) return value;
  throw usageError(
    `unitRoundoff of ${file} must be half the gap between 1 and the next number of its type, such as 2 ** -53 or ` +
      `2 ** -24, and at most 2 ** -8; it is ${value ?? foreignText(String(stated), longestName)}.`,
  );
}

function numberIn(stated: unknown): number | undefined {
  try {
    return readNumber(stated);
  } catch {
    return undefined;
  }
}

type Operation = (...values: unknown[]) => Promise<unknown>;

function takeOperations(
  running: SubjectProcess,
  functions: readonly string[],
  kinds: Readonly<Record<string, Kind>>,
): Record<string, Operation> {
  const own = Object.entries(kinds).filter(([name]) => functions.includes(name));
  return Object.fromEntries(own.map(([name, kind]) => [name, askFor(running, name, kind)]));
}

function askFor(running: SubjectProcess, name: string, kind: Kind): Operation {
  return (...values) => running.call(name, kind, values);
}
