import { bind } from "../run/arguments.js";
import type { Operation } from "../run/runtime.js";
import { TemplateError } from "../template-error.js";
import { calculate } from "../values/arithmetic.js";
import { compare } from "../values/compare.js";
import { isIterable } from "../values/iterate.js";
import { toText } from "../values/print.js";
import { Markup, Range } from "../values/things.js";
import { asNumber, Callable, Dict, Float, isList, Tuple, Undefined, type Value } from "../values/value.js";
import { filterNames } from "./filters.js";
import { isCased } from "./text.js";

type Test = Operation<Value, boolean>;

const about =
  (holds: (value: Value) => boolean): Test =>
  (_, value, args) => {
    bind(args, "the test", []);
    return holds(value);
  };

const comparing =
  (operator: string): Test =>
  (runtime, value, args) =>
    compare(runtime, operator, value, bind(args, "the test", ["other/"], 1)[0]!);

const remainder =
  (divisor: number | undefined, wanted: number): Test =>
  (runtime, value, args) => {
    const [passed] = bind(
      args,
      "the test",
      divisor === undefined ? ["num"] : [],
      divisor === undefined ? 1 : 0,
    );
    return asNumber(calculate(runtime, "%", value, divisor ?? passed!)) === wanted;
  };

const isSequence = (value: Value) =>
  typeof value === "string" ||
  isList(value) ||
  value instanceof Tuple ||
  value instanceof Dict ||
  value instanceof Range;

const tests: Readonly<Record<string, Test>> = {
  defined: about((value) => !(value instanceof Undefined)),
  undefined: about((value) => value instanceof Undefined),
  none: about((value) => value === null),
  boolean: about((value) => typeof value === "boolean"),
  true: about((value) => value === true),
  false: about((value) => value === false),
  integer: about((value) => typeof value === "number"),
  float: about((value) => value instanceof Float),
  number: about((value) => asNumber(value) !== undefined),
  string: about((value) => typeof value === "string" || value instanceof Markup),
  mapping: about((value) => value instanceof Dict),
  sequence: about((value) => isSequence(value) || value instanceof Undefined || value instanceof Markup),
  iterable: about((value) => isIterable(value) || value instanceof Markup),
  callable: about((value) => value instanceof Callable || value instanceof Undefined),
  escaped: about((value) => value instanceof Markup),
  lower: (runtime, value) => isCased(toText(runtime, value), "lower"),
  upper: (runtime, value) => isCased(toText(runtime, value), "upper"),
  odd: remainder(2, 1),
  even: remainder(2, 0),
  divisibleby: remainder(undefined, 0),
  sameas: (_, value, args) => isSame(value, bind(args, "sameas", ["other"], 1)[0]!),
  in: (runtime, value, args) => compare(runtime, "in", value, bind(args, "in", ["seq"], 1)[0]!),
  filter: about((value) => typeof value === "string" && filterNames.includes(value)),
  test: about((value) => typeof value === "string" && testNames.includes(value)),
  ...Object.fromEntries(
    ["==", "!=", "<", "<=", ">", ">="].map((operator) => [operator, comparing(operator)]),
  ),
  eq: comparing("=="),
  equalto: comparing("=="),
  ne: comparing("!="),
  lt: comparing("<"),
  lessthan: comparing("<"),
  le: comparing("<="),
  gt: comparing(">"),
  greaterthan: comparing(">"),
  ge: comparing(">="),
};

/** The names of all tests; every one of Jinja's is read. */
export const testNames: readonly string[] = Object.keys(tests).sort();

/** A test by its name. @throws TemplateError where there is none */
export function findTest(name: string): Test {
  if (Object.hasOwn(tests, name)) return tests[name]!;
  throw new TemplateError(`No test named '${name}'`);
}

/** Python's `is`: small integers, short texts and the constants are one object each, as are values of one variable. */
function isSame(value: Value, other: Value): boolean {
  return value === other || (value instanceof Float && other instanceof Float && value.value === other.value);
}
