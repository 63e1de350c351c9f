/** The kinds of options: how each reads its texts, and the sentence for a text that it can't read. */
import { usageError } from "../errors.js";
import { didYouMean } from "./suggest.js";

/** An option of the command line; `T` is what it gives to a command. */
export interface OptionSpec<T> {
  /** Stands for the value in the help; a flag has none. */
  readonly placeholder?: string;
  readonly help: string;
  readonly repeatable: boolean;
  /** @throws CliError `usage`, naming the option */
  read(texts: readonly string[], name: string): T;
}

/** Options by name. */
export type Options = Readonly<Record<string, OptionSpec<unknown>>>;

/** Options of a command under the headings of its help. */
export type OptionGroups = Readonly<Record<string, Options>>;

/** What options of a call amount to; one that was not given is absent. */
export type ValuesOf<O extends Options> = {
  readonly [Name in keyof O]?: ReturnType<O[Name]["read"]>;
};

type Flat<G extends OptionGroups> = {
  [Name in { [H in keyof G]: keyof G[H] }[keyof G]]: {
    [H in keyof G]: Name extends keyof G[H] ? G[H][Name] : never;
  }[keyof G];
};

/** The same for all groups of a command. */
export type ValuesOfGroups<G extends OptionGroups> = ValuesOf<Flat<G>>;

/** Which numbers an option takes, and how that is said. */
export interface NumberRange {
  readonly expected: string;
  holds(value: number): boolean;
}

export const wholeFrom = (least: number): NumberRange => ({
  expected: `a whole number of at least ${least}`,
  holds: (value) => Number.isSafeInteger(value) && value >= least,
});
export const wholeBetween = (least: number, most: number): NumberRange => ({
  expected: `a whole number from ${least} to ${most}`,
  holds: (value) => Number.isSafeInteger(value) && value >= least && value <= most,
});
export const anyWhole: NumberRange = { expected: "a whole number", holds: Number.isSafeInteger };
export const anyFinite: NumberRange = { expected: "a finite number", holds: Number.isFinite };
export const notNegative: NumberRange = {
  expected: "a finite number of at least 0",
  holds: (value) => Number.isFinite(value) && value >= 0,
};
export const positive: NumberRange = {
  expected: "a finite number above 0",
  holds: (value) => Number.isFinite(value) && value > 0,
};
export const positiveOrInfinite: NumberRange = {
  expected: "a number above 0, or Infinity",
  holds: (value) => value > 0,
};
export const probability: NumberRange = {
  expected: "a number between 0 and 1",
  holds: (value) => value >= 0 && value <= 1,
};
export const positiveProbability: NumberRange = {
  expected: "a number above 0 and at most 1",
  holds: (value) => value > 0 && value <= 1,
};

export function flag(help: string): OptionSpec<boolean> {
  return { help, repeatable: false, read: () => true };
}

export function text(placeholder: string, help: string): OptionSpec<string> {
  return { placeholder, help, repeatable: false, read: ([only]) => only! };
}

export function texts(placeholder: string, help: string): OptionSpec<readonly string[]> {
  return { placeholder, help, repeatable: true, read: (all) => all };
}

export function number(placeholder: string, range: NumberRange, help: string): OptionSpec<number> {
  const read = ([only]: readonly string[], name: string) => readNumber(only!, name, range);
  return { placeholder, help, repeatable: false, read };
}

/** Numbers, one each time the option is given. */
export function numbers(
  placeholder: string,
  range: NumberRange,
  help: string,
): OptionSpec<readonly number[]> {
  const read = (all: readonly string[], name: string) => all.map((one) => readNumber(one, name, range));
  return { placeholder, help, repeatable: true, read };
}

export function choice<const Name extends string>(
  placeholder: string,
  names: readonly Name[],
  help: string,
): OptionSpec<Name> {
  const read = ([only]: readonly string[], name: string) => readChoice(only!, name, names);
  return { placeholder, help: `${help}: ${names.join(", ")}`, repeatable: false, read };
}

export function tokenIds(placeholder: string, help: string): OptionSpec<readonly number[]> {
  const read = ([only]: readonly string[], name: string) => readTokenIds(only!, name);
  return { placeholder, help, repeatable: false, read };
}

function readNumber(written: string, name: string, range: NumberRange): number {
  const value = parseNumber(written);
  if (range.holds(value)) return value;
  throw usageError(`--${name} must be ${range.expected}; it is ${quoteUnlessNumber(written)}.`);
}

/** Also reads `inf` and `-inf`, as other programs write infinity. */
function parseNumber(written: string): number {
  const infinite = /^([+-]?)inf(inity)?$/i.exec(written);
  if (infinite) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return written.trim() === "" ? Number.NaN : Number(written);
}

function quoteUnlessNumber(written: string): string {
  return /^[+-]?[\w.]+$/.test(written) ? written : JSON.stringify(written);
}

function readChoice<Name extends string>(written: string, name: string, names: readonly Name[]): Name {
  const found = names.find((candidate) => candidate === written);
  if (found !== undefined) return found;
  throw usageError(
    `There is no ${name} ${JSON.stringify(written)}.${didYouMean(written, names)} There are: ${names.join(", ")}.`,
  );
}

function readTokenIds(written: string, name: string): number[] {
  const words = written.split(/[\s,]+/).filter((word) => word !== "");
  const bad = words.find((word) => !/^\d+$/.test(word));
  if (words.length > 0 && bad === undefined) return words.map(Number);
  throw usageError(
    `--${name} must be token ids with commas between them, such as 1,2,3; ` +
      `${bad === undefined ? "it is empty" : `${JSON.stringify(bad)} is none`}.`,
  );
}
