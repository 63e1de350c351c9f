import type { Runtime } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { itemsOf, iterate } from "./iterate.js";
import { Lazy, Range, View } from "./things.js";
import { expectUnmarked, expectUsable } from "./usable.js";
import { asNumber, Dict, isList, type List, Tuple, typeName, Undefined, type Value } from "./value.js";

/** Python's `==`: by what they hold, and numbers whatever their type. Each pair of members takes a step. */
export function areEqual(runtime: Runtime, left: Value, right: Value): boolean {
  runtime.budget.spend();
  expectUnmarked(left);
  expectUnmarked(right);
  if (left === right) return true;
  const [a, b] = [asNumber(left), asNumber(right)];
  if (a !== undefined || b !== undefined) return a === b;
  if (left instanceof View && right instanceof View) throw notRead("a comparison of two views of a dict");
  if (left instanceof Undefined) return right instanceof Undefined;
  if (left instanceof Dict) return right instanceof Dict && areEqualDicts(runtime, left, right);
  if (left instanceof Range)
    return right instanceof Range && areEqualLists(runtime, left.toList(), right.toList());
  if (isList(left)) return isList(right) && areEqualLists(runtime, left, right);
  return left instanceof Tuple && right instanceof Tuple && areEqualLists(runtime, left.items, right.items);
}

function areEqualLists(runtime: Runtime, left: List, right: List): boolean {
  return left.length === right.length && left.every((item, index) => areEqual(runtime, item, right[index]!));
}

function areEqualDicts(runtime: Runtime, left: Dict, right: Dict): boolean {
  if (left.size !== right.size) return false;
  return left.entries().every(([key, value]) => {
    const other = right.get(key);
    return other !== undefined && areEqual(runtime, value, other);
  });
}

/** Python's `<`. @throws TemplateError where the two can't be ordered */
export function isLess(runtime: Runtime, left: Value, right: Value): boolean {
  runtime.budget.spend();
  expectUsable(left);
  expectUsable(right);
  const [a, b] = [asNumber(left), asNumber(right)];
  if (a !== undefined && b !== undefined) return a < b;
  if (typeof left === "string" && typeof right === "string") return isTextLess(runtime, left, right);
  if (isList(left) && isList(right)) return isListLess(runtime, left, right);
  if (left instanceof Tuple && right instanceof Tuple) return isListLess(runtime, left.items, right.items);
  throw new TemplateError(`'${typeName(left)}' and '${typeName(right)}' have no order`);
}

/** By code points; JavaScript's own order is that of UTF-16. */
function isTextLess(runtime: Runtime, left: string, right: string): boolean {
  runtime.budget.spendText(Math.min(left.length, right.length));
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  if (at > 0 && isLowHalf(left, at) && isLowHalf(right, at)) at--;
  return (left.codePointAt(at) ?? -1) < (right.codePointAt(at) ?? -1);
}

function isLowHalf(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  const before = text.charCodeAt(at - 1);
  return code >= 0xdc00 && code <= 0xdfff && before >= 0xd800 && before <= 0xdbff;
}

function isListLess(runtime: Runtime, left: List, right: List): boolean {
  for (const [index, item] of left.entries()) {
    const other = right[index];
    if (other === undefined) return false;
    if (!areEqual(runtime, item, other)) return isLess(runtime, item, other);
  }
  return left.length < right.length;
}

/** Python's `in`. */
export function contains(runtime: Runtime, container: Value, item: Value): boolean {
  expectUnmarked(container);
  expectUnmarked(item);
  if (typeof container === "string") {
    if (typeof item !== "string")
      throw new TemplateError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    runtime.budget.spendText(container.length);
    return container.includes(item);
  }
  if (container instanceof Dict) return container.get(item) !== undefined;
  if (container instanceof View && container.type === "dict_keys")
    return container.dict.get(item) !== undefined;
  const items = container instanceof Lazy ? iterate(runtime, container) : itemsOf(runtime, container);
  if (!items) throw new TemplateError(`argument of type '${typeName(container)}' is not iterable`);
  for (const member of items) if (areEqual(runtime, member, item)) return true;
  return false;
}

const comparisons: Readonly<Record<string, (runtime: Runtime, left: Value, right: Value) => boolean>> = {
  "==": areEqual,
  "!=": (runtime, left, right) => !areEqual(runtime, left, right),
  "<": isLess,
  ">": (runtime, left, right) => isLess(runtime, right, left),
  "<=": (runtime, left, right) => isLess(runtime, left, right) || areEqual(runtime, left, right),
  ">=": (runtime, left, right) => isLess(runtime, right, left) || areEqual(runtime, left, right),
  in: (runtime, left, right) => contains(runtime, right, left),
  "not in": (runtime, left, right) => !contains(runtime, right, left),
};

/** One of Jinja's comparisons by its operator. */
export function compare(runtime: Runtime, operator: string, left: Value, right: Value): boolean {
  return comparisons[operator]!(runtime, left, right);
}
