/** What comes back from a subject's process: text that nobody vouches for, read as what was asked for or not at all. */
import { VerifyError } from "@amulet-ts/verify";
import { foreignText } from "../../../terminal/printable.js";
import { type Kind, kindNames } from "./operations.js";

/** A line from the process. */
export type Line = Readonly<Record<string, unknown>>;

/** Longest message of a subject that is told. */
const longestMessage = 500;

/** @returns undefined where the text is no JSON object */
export function parseLine(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Line) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The result of a call, as numbers and rows of ours.
 *
 * @throws Error with a sentence where the operation threw, changed its arguments or returned something else
 */
export function readAnswer(operation: string, kind: Kind, line: Line): unknown {
  const { thrown, changed, fault, value } = line;
  if (typeof thrown === "string")
    throw new Error(`${operation} threw ${foreignText(thrown, longestMessage)}`);
  if (typeof changed === "string") throw changedArguments(foreignText(changed, longestMessage));
  if (typeof fault === "string") {
    const why = foreignText(fault, longestMessage);
    throw new Error(`${operation} must return ${kindNames[kind]}; ${why}`);
  }
  try {
    return decoders[kind](value);
  } catch (cause) {
    throw new Error(`${operation} must return ${kindNames[kind]}; its process sent something else`, {
      cause,
    });
  }
}

function changedArguments(what: string): Error {
  return new Error(`${what}: it changed its arguments, which are borrowed`);
}

const decoders: Readonly<Record<Kind, (value: unknown) => unknown>> = {
  number: (value) => readNumber(value),
  row: readRow,
  rows: (value) => readList(value).map(readRow),
  names(value) {
    const row = readRow(value);
    if (row.length !== 4) throw unexpected();
    const [guidanceScale, gamma, linearAlignmentRatio, contextSteeringLambda] = row;
    return { guidanceScale, gamma, linearAlignmentRatio, contextSteeringLambda };
  },
  tilt(value) {
    const { gamma, logPolicy } = readFields(value);
    return { gamma: readNumber(gamma), logPolicy: readRow(logPolicy) };
  },
  gradient(value) {
    const { loss, gradient } = readFields(value);
    const entries = readList(gradient).map((entry): [string, Float64Array] => {
      const [name, row] = readList(entry);
      return [String(name), readRow(row)];
    });
    return { loss: readNumber(loss), gradient: new Map(entries) };
  },
};

/** One number. */
export function readNumber(value: unknown): number {
  const row = readRow(value);
  if (row.length !== 1) throw unexpected();
  return row[0]!;
}

/** Float64 in base64. */
function readRow(value: unknown): Float64Array {
  if (typeof value !== "string") throw unexpected();
  const bytes = Buffer.from(value, "base64");
  if (bytes.length % 8 !== 0) throw unexpected();
  const row = new Float64Array(bytes.length / 8);
  new Uint8Array(row.buffer).set(bytes);
  return row;
}

function readList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw unexpected();
  return value;
}

function readFields(value: unknown): Line {
  if (typeof value !== "object" || value === null) throw unexpected();
  return value as Line;
}

/** Only a process that goes about its pipe by itself sends such a thing. */
function unexpected(): VerifyError {
  return new VerifyError("bad-input", "The subject's process sent what is no answer.");
}
