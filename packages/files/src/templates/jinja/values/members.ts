import { containerMethod } from "../library/container-methods.js";
import { isTextMethod, textMethod } from "../library/text-methods.js";
import type { Runtime } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { charactersOf } from "./iterate.js";
import { Group, Range } from "./things.js";
import { expectUsable } from "./usable.js";
import {
  asInteger,
  Dict,
  Float,
  isList,
  type List,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./value.js";

/** `value.name`: the attribute of Python's object first, then the member of a dict. */
export function attributeOf(runtime: Runtime, value: Value, name: string): Value {
  expectUsable(value);
  const attribute = ownAttribute(runtime, value, name);
  if (attribute !== undefined) return attribute;
  const member = value instanceof Dict ? value.get(name) : undefined;
  if (member !== undefined) return member;
  if (name.startsWith("__")) throw notRead(`the attribute ${name}`);
  return new Undefined(`'${ownerName(value)}' has no attribute '${name}'`);
}

/** `value[key]`: the member first, then the attribute. */
export function itemOf(runtime: Runtime, value: Value, key: Value): Value {
  expectUsable(value);
  const member = memberOf(runtime, value, key);
  if (member !== undefined) return member;
  const attribute = typeof key === "string" ? ownAttribute(runtime, value, key) : undefined;
  if (attribute !== undefined) return attribute;
  if (typeof key === "string") {
    if (key.startsWith("__")) throw notRead(`the attribute ${key}`);
    return new Undefined(`'${ownerName(value)}' has no attribute '${key}'`);
  }
  return new Undefined(`${ownerName(value)} has no element ${typeof key === "number" ? key : typeName(key)}`);
}

function ownerName(value: Value): string {
  return value === null ? "None" : `${typeName(value)} object`;
}

function memberOf(runtime: Runtime, value: Value, key: Value): Value | undefined {
  if (value instanceof Dict) return isList(key) || key instanceof Dict ? undefined : value.get(key);
  const index = asInteger(key);
  if (index === undefined) return undefined;
  if (value instanceof Range) {
    const at = index < 0 ? index + value.length : index;
    return at >= 0 && at < value.length ? value.at(at) : undefined;
  }
  return indexed(runtime, value)?.at(index);
}

/** What has places counted from 0. */
function indexed(runtime: Runtime, value: Value): string | List | undefined {
  if (typeof value === "string") return charactersOf(runtime, value);
  if (value instanceof Tuple) return value.items;
  return isList(value) ? value : undefined;
}

function ownAttribute(runtime: Runtime, value: Value, name: string): Value | undefined {
  if (typeof value === "string") return isTextMethod(name) ? textMethod(runtime, value, name) : undefined;
  if (value instanceof Group && (name === "grouper" || name === "list")) return value[name];
  if (value instanceof Dict || isList(value) || value instanceof Tuple)
    return containerMethod(runtime, value, name);
  if (value instanceof Thing) return value.attribute(name);
  const isNumber = asInteger(value) !== undefined || value instanceof Float;
  if (isNumber && numberAttributes.includes(name)) throw notRead(`the attribute ${name} of a number`);
  return undefined;
}

const numberAttributes = [
  "as_integer_ratio",
  "bit_count",
  "bit_length",
  "conjugate",
  "denominator",
  "fromhex",
  "from_bytes",
  "hex",
  "imag",
  "is_integer",
  "numerator",
  "real",
  "to_bytes",
];

/** `value[start:stop:step]`. */
export function sliceOf(runtime: Runtime, value: Value, bounds: readonly (Value | undefined)[]): Value {
  expectUsable(value);
  const [start, stop, step] = bounds.map((bound) => asBound(bound));
  if (step === 0) throw new TemplateError("slice step cannot be zero");
  if (value instanceof Range) return sliceRange(value, start, stop, step);
  const source = indexed(runtime, value);
  if (source === undefined) {
    throw new TemplateError(`'${typeName(value)}' object has no slices`);
  }
  const items = pickSlice(runtime, source, start, stop, step);
  if (typeof value === "string") return items.join("");
  return value instanceof Tuple ? new Tuple(items) : items;
}

function asBound(bound: Value | undefined): number | undefined {
  if (bound === undefined || bound === null) return undefined;
  const index = asInteger(bound);
  if (index === undefined) throw new TemplateError("slice indices must be integers or None");
  return index;
}

interface Span {
  readonly from: number;
  readonly count: number;
  readonly step: number;
}

function spanOf(length: number, start?: number, stop?: number, step = 1): Span {
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (index: number) => Math.min(high, Math.max(low, index < 0 ? index + length : index));
  const from = start === undefined ? (step > 0 ? low : high) : clamp(start);
  const to = stop === undefined ? (step > 0 ? high : low) : clamp(stop);
  return { from, count: Math.max(0, Math.ceil((to - from) / step)), step };
}

function pickSlice(
  runtime: Runtime,
  source: string | List,
  start?: number,
  stop?: number,
  step?: number,
): Value[] {
  const span = spanOf(source.length, start, stop, step);
  runtime.budget.spend(typeof source === "string" ? span.count >> 4 : span.count);
  if (typeof source === "string" && span.step === 1) return [source.slice(span.from, span.from + span.count)];
  return Array.from({ length: span.count }, (_, index) => source[span.from + index * span.step]!);
}

function sliceRange(range: Range, start?: number, stop?: number, step?: number): Range {
  const span = spanOf(range.length, start, stop, step);
  const first = range.at(span.from);
  const stride = range.step * span.step;
  return new Range(first, first + span.count * stride, stride);
}
