/**
 * What a caller hands over, checked where it comes in: kinds of values, and the sentence for one that is of another kind.
 * Without TensorFlow.js, so that a page which counts with strengths alone does not load it.
 */
import { CoreError, type CoreErrorCode } from "../errors.js";

/** What a value must be. */
export interface Kind {
  readonly expected: string;
  holds(value: unknown): boolean;
}

/**
 * @param what the value is called: `maxNewTokens`, `the model`
 * @throws CoreError `code`
 */
export function checkGiven(
  value: unknown,
  kind: Kind,
  what: string,
  code: CoreErrorCode = "bad-request",
): void {
  if (!kind.holds(value))
    throw new CoreError(code, `${what} must be ${kind.expected}; it is ${describeValue(value)}.`);
}

/** Checks some of an object's fields. @param what the object is called. @throws CoreError `code` */
export function checkFields(
  value: unknown,
  kinds: Readonly<Record<string, Kind>>,
  what: string,
  code?: CoreErrorCode,
): void {
  checkGiven(value, record, what, code);
  for (const [name, kind] of Object.entries(kinds))
    checkGiven((value as Record<string, unknown>)[name], kind, `${name} of ${what}`, code);
}

/** Any value in a few words, for errors: whatever it is, this does not throw. */
export function describeValue(value: unknown): string {
  try {
    if (typeof value === "string")
      return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
    if (typeof value === "function") return "a function";
    if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
    if (isObject(value) && "dataId" in value && Array.isArray(value.shape))
      return `a tensor of [${value.shape}]`;
    return typeof value === "object" && value !== null ? "an object" : String(value);
  } catch {
    return "an object";
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const hasFunction = (value: unknown, name: string) => isObject(value) && typeof value[name] === "function";

export const number: Kind = { expected: "a number", holds: (value) => typeof value === "number" };
export const finite: Kind = { expected: "a finite number", holds: Number.isFinite };
export const count: Kind = {
  expected: "a whole number of at least 0",
  holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};
export const text: Kind = { expected: "a text", holds: (value) => typeof value === "string" };
export const flag: Kind = { expected: "true or false", holds: (value) => typeof value === "boolean" };
/** Work in steps: what a function with `yield` returns. */
export const steps: Kind = {
  expected: "a generator",
  holds: (value) => Object.prototype.toString.call(value) === "[object Generator]",
};
export const callback: Kind = { expected: "a function", holds: (value) => typeof value === "function" };
export const record: Kind = { expected: "an object", holds: isObject };
/** Lists of lists are checked entry by entry where they are read. */
export const list: Kind = { expected: "a list", holds: Array.isArray };

export const iterable: Kind = {
  expected: "a set or list",
  holds: (value) => isObject(value) && Symbol.iterator in value,
};

export function oneOf(...words: readonly string[]): Kind {
  return {
    expected: words.map((word) => JSON.stringify(word)).join(" or "),
    holds: (value) => words.includes(value as string),
  };
}

export function optional({ expected, holds }: Kind): Kind {
  return { expected: `${expected}, or left out`, holds: (value) => value === undefined || holds(value) };
}

export function listOf({ expected, holds }: Kind): Kind {
  // `every` passes holes over.
  const isAll = (value: unknown) => Array.isArray(value) && Array.from(value).every((entry) => holds(entry));
  return { expected: `a list, each entry ${expected}`, holds: isAll };
}

/** A list or typed array of numbers. */
export const numbers: Kind = {
  expected: "a list or typed array of numbers",
  holds: (value) =>
    (ArrayBuffer.isView(value) && !(value instanceof DataView) && !(value instanceof BigInt64Array)) ||
    (Array.isArray(value) && Array.from(value).every((entry) => typeof entry === "number")),
};

export const neededTokens: Kind = {
  expected: '"whole", "given", { share } or { mass }',
  holds: (value) =>
    value === "whole" ||
    value === "given" ||
    (isObject(value) && (number.holds(value.share) || number.holds(value.mass))),
};

export const model: Kind = {
  expected: "a language model, with openSession, vocabularySize, contextLength, endTokens and coverage",
  holds: (value) =>
    hasFunction(value, "openSession") &&
    isModelNumbers(value as Record<string, unknown>) &&
    hasFunction((value as Record<string, unknown>).endTokens, "has"),
};

function isModelNumbers({ vocabularySize, contextLength, coverage }: Record<string, unknown>): boolean {
  return count.holds(vocabularySize) && number.holds(contextLength) && typeof coverage === "string";
}

export const chatModel: Kind = {
  expected: `${model.expected}, renderChat and textStream`,
  holds: (value) =>
    model.holds(value) && hasFunction(value, "renderChat") && hasFunction(value, "textStream"),
};

export const session: Kind = {
  expected: "a session, with append and lengths",
  holds: (value) => hasFunction(value, "append") && Array.isArray((value as Record<string, unknown>).lengths),
};

export const signal: Kind = {
  expected: "an AbortSignal",
  holds: (value) =>
    isObject(value) && typeof value.aborted === "boolean" && hasFunction(value, "addEventListener"),
};

export const method: Kind = {
  expected: 'a method, with a name, what it reads ("base", "preference" or "both") and policy',
  holds: (value) =>
    hasFunction(value, "policy") &&
    typeof (value as Record<string, unknown>).name === "string" &&
    optional(number).holds((value as Record<string, unknown>).guidanceScale) &&
    oneOf("base", "preference", "both").holds((value as Record<string, unknown>).reads),
};

/** Options of everything that reads prompts. @throws CoreError `bad-request` */
export function checkReadingOptions(options: unknown, what = "the options"): void {
  checkFields(options, { signal: optional(signal), onProgress: optional(callback) }, what);
}
