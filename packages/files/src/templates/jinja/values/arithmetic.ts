import type { Runtime } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { formatPercent } from "./format-percent.js";
import { expectUsable } from "./usable.js";
import { asInteger, asNumber, Float, isList, Tuple, typeName, type Value } from "./value.js";

/** One of Python's operators on two values. @throws TemplateError where Python has none for their types */
export function calculate(runtime: Runtime, operator: string, left: Value, right: Value): Value {
  expectUsable(left);
  expectUsable(right);
  const joined = operator === "+" ? add(runtime, left, right) : undefined;
  if (joined !== undefined) return joined;
  const repeated =
    operator === "*" ? (repeat(runtime, left, right) ?? repeat(runtime, right, left)) : undefined;
  if (repeated !== undefined) return repeated;
  if (operator === "%" && typeof left === "string") return formatPercent(runtime, left, right);
  const [a, b] = [asNumber(left), asNumber(right)];
  if (a === undefined || b === undefined)
    throw new TemplateError(`${operator} has no meaning for '${typeName(left)}' and '${typeName(right)}'`);
  const isFloat = left instanceof Float || right instanceof Float;
  const result = calculateNumbers(operator, a, b);
  return isFloat || operator === "/" || (operator === "**" && b < 0) ? new Float(result) : integer(result);
}

/** An integer that JavaScript holds exactly. @throws TemplateError where it is too large for that */
export function integer(value: number): number {
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  throw notRead("an integer beyond 2^53");
}

function add(runtime: Runtime, left: Value, right: Value): Value | undefined {
  if (typeof left === "string" && typeof right === "string") {
    runtime.budget.checkText(left.length + right.length);
    return left + right;
  }
  if (isList(left) && isList(right)) {
    runtime.budget.spend(left.length + right.length);
    return [...left, ...right];
  }
  if (!(left instanceof Tuple && right instanceof Tuple)) return undefined;
  runtime.budget.spend(left.items.length + right.items.length);
  return new Tuple([...left.items, ...right.items]);
}

function repeat(runtime: Runtime, repeated: Value, count: Value): Value | undefined {
  const times = Math.max(0, asInteger(count) ?? Number.NaN);
  if (Number.isNaN(times)) return undefined;
  if (typeof repeated === "string") {
    runtime.budget.spendText(repeated.length * times);
    return repeated.repeat(times);
  }
  const items = repeated instanceof Tuple ? repeated.items : repeated;
  if (!isList(items)) return undefined;
  runtime.budget.spend(items.length * times);
  const all = items.length === 0 ? [] : Array.from({ length: times }, () => items).flat();
  return repeated instanceof Tuple ? new Tuple(all) : all;
}

function calculateNumbers(operator: string, a: number, b: number): number {
  if (b === 0 && ["/", "//", "%"].includes(operator)) throw new TemplateError("division by zero");
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "//":
      return floorDivide(a, b);
    case "%":
      return modulo(a, b);
    default:
      return power(a, b);
  }
}

/** From the exact rest, so that 1 // 0.2 is 4: 0.2 is a little more than a fifth. */
function floorDivide(a: number, b: number): number {
  const rest = modulo(a, b);
  const quotient = (a - rest) / b;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

/** With the sign of the divisor. */
function modulo(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 === b < 0 ? rest : rest + b;
}

/**
 * Exact, or refused: JavaScript's powers of broken numbers end in other digits than Python's. Jinja itself reads a
 * negative base in two ways (`-2 ** n` is -4 for n = 2 where the base is a constant and n is not).
 */
function power(a: number, b: number): number {
  if (a === 0 && b < 0) throw new TemplateError("0.0 cannot be raised to a negative power");
  const result = a ** Math.abs(b);
  if (a < 0 || !Number.isInteger(b) || !Number.isSafeInteger(result))
    throw notRead("a power of a negative number, or one beyond exact integers,");
  return b < 0 ? 1 / result : result;
}

/** `-value` or `+value`. */
export function signed(value: Value, sign: 1 | -1): Value {
  expectUsable(value);
  if (value instanceof Float) return new Float(sign * value.value);
  const number = asInteger(value);
  if (number === undefined) throw new TemplateError(`a sign has no meaning for '${typeName(value)}'`);
  return number === 0 ? 0 : sign * number;
}
