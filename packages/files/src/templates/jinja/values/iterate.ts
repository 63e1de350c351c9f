import type { Runtime } from "../run/runtime.js";
import { TemplateError } from "../template-error.js";
import { Lazy, Markup, Range, View } from "./things.js";
import { expectUnmarked } from "./usable.js";
import { Dict, isList, type List, Tuple, typeName, Undefined, type Value } from "./value.js";

/** The characters of a text: code points, as Python counts. */
export function charactersOf(runtime: Runtime, text: string): string | readonly string[] {
  runtime.budget.spendText(text.length);
  return /[\ud800-\udfff]/.test(text) ? Array.from(text) : text;
}

/** The items of what can be gone through more than once, or nothing where it can't be. */
export function itemsOf(runtime: Runtime, value: Value): List | undefined {
  if (isList(value)) return value;
  if (value instanceof Tuple) return value.items;
  if (typeof value === "string") return [...charactersOf(runtime, value)];
  if (value instanceof Undefined) return [];
  if (value instanceof Dict) {
    runtime.budget.spend(value.size);
    return value.keys();
  }
  if (!(value instanceof Range || value instanceof View)) return undefined;
  const items = value.toList();
  runtime.budget.spend(items.length);
  return items;
}

export function isIterable(value: Value): boolean {
  return (
    typeof value === "string" ||
    isList(value) ||
    [Tuple, Dict, Undefined, Range, View, Lazy].some((type) => value instanceof type)
  );
}

/** Goes through a value. @throws TemplateError where it can't be gone through */
export function iterate(runtime: Runtime, value: Value): IterableIterator<Value> {
  if (value instanceof Lazy) return value.items;
  const items = itemsOf(runtime, value);
  if (items) return items.values();
  expectUnmarked(value);
  throw new TemplateError(`'${typeName(value)}' object is not iterable`);
}

/** All items of a value, each of which takes a step. */
export function collect(runtime: Runtime, value: Value): Value[] {
  const items: Value[] = [];
  for (const item of iterate(runtime, value)) {
    runtime.budget.spend();
    items.push(item);
  }
  return items;
}

/** Python's `len`. */
export function lengthOf(runtime: Runtime, value: Value): number {
  if (typeof value === "string") return charactersOf(runtime, value).length;
  if (value instanceof Range) return value.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof View) return value.dict.size;
  const items = itemsOf(runtime, value);
  if (items) return items.length;
  expectUnmarked(value);
  throw new TemplateError(`object of type '${typeName(value)}' has no len()`);
}

/** Python's `bool`. */
export function isTrue(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value !== "object") return Boolean(value);
  if (isList(value)) return value.length > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof View) return value.dict.size > 0;
  if (value instanceof Range) return value.length > 0;
  if (value instanceof Markup) return value.text !== "";
  return "value" in value ? Boolean(value.value) : true;
}
