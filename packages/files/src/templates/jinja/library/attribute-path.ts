import type { Runtime } from "../run/runtime.js";
import { Undefined, type Value } from "../values/value.js";

/** Reads what filters call an attribute: a name, a number, or several with points between (`function.name`). */
export function attributeReader(
  path: Value | undefined,
  fallback?: Value,
): (runtime: Runtime, item: Value) => Value {
  if (path === undefined || path === null) return (_, item) => item;
  const keys = typeof path === "string" ? path.split(".").map(asKey) : [path];
  return (runtime, item) => {
    let value = item;
    for (const key of keys) {
      value = runtime.item(value, key);
      if (value instanceof Undefined && fallback !== undefined && fallback !== null) value = fallback;
    }
    return value;
  };
}

function asKey(part: string): string | number {
  return /^\p{Nd}+$/u.test(part) ? Number(part) : part;
}

/** For comparisons of filters, which by default don't tell capitals from small letters. */
export function withoutCase(value: Value): Value {
  return typeof value === "string" ? value.toLowerCase() : value;
}
