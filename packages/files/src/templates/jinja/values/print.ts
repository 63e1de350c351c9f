import type { Runtime } from "../run/runtime.js";
import { notRead } from "../template-error.js";
import { Markup, Namespace, Range, View } from "./things.js";
import { Dict, Float, isList, type List, Tuple, typeName, Undefined, type Value } from "./value.js";

/** A value as Python's `str` writes it. @throws TemplateError for what would print as an address */
export function toText(runtime: Runtime, value: Value): string {
  if (typeof value === "string") return value;
  if (value instanceof Undefined) return "";
  return value instanceof Markup ? value.text : represent(runtime, value);
}

/** A value as Python's `repr` writes it: what a list shows of its items. Every value in it takes a step. */
export function represent(runtime: Runtime, value: Value): string {
  runtime.budget.spend();
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return quote(runtime, value);
  if (value instanceof Float) return formatFloat(value.value);
  if (value instanceof Tuple) {
    const { items } = value;
    return items.length === 1 ? `(${represent(runtime, items[0]!)},)` : `(${list(runtime, items)})`;
  }
  if (isList(value)) return `[${list(runtime, value)}]`;
  if (value instanceof Dict) return dict(runtime, value.entries());
  return representThing(runtime, value);
}

function representThing(runtime: Runtime, value: Value): string {
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof View) return `${value.type}([${list(runtime, value.toList())}])`;
  if (value instanceof Namespace) return `<Namespace ${dict(runtime, [...value.values])}>`;
  if (value instanceof Markup) return `Markup(${quote(runtime, value.text)})`;
  if (!(value instanceof Range)) throw notRead(`printing a ${typeName(value)}`);
  const step = value.step === 1 ? "" : `, ${value.step}`;
  return `range(${value.start}, ${value.stop}${step})`;
}

function list(runtime: Runtime, items: List): string {
  return join(runtime, items, (item) => represent(runtime, item));
}

function dict(runtime: Runtime, entries: readonly (readonly [Value, Value])[]): string {
  const pair = ([key, value]: readonly [Value, Value]) =>
    `${represent(runtime, key)}: ${represent(runtime, value)}`;
  return `{${join(runtime, entries, pair)}}`;
}

function join<T>(runtime: Runtime, items: readonly T[], write: (item: T) => string): string {
  let text = "";
  for (const [index, item] of items.entries()) {
    text += (index > 0 ? ", " : "") + write(item);
    runtime.budget.checkText(text.length);
  }
  return text;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** In single quotes, unless it holds some and no double one; what is not printable by its code. */
export function quote(runtime: Runtime, text: string): string {
  runtime.budget.spendText(text.length);
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t'"]|[\p{C}\p{Z}]/gu, (character) => {
    if (character === "'" || character === '"') return character === mark ? `\\${mark}` : character;
    if (character === " " || runtime.standIns.has(character)) return character;
    return escapes[character] ?? escapeCode(character.codePointAt(0)!);
  });
  return mark + escaped + mark;
}

function escapeCode(code: number): string {
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

/** The shortest digits that read back as the number, as Python's `repr` of a float lays them out. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [digits = "", power = ""] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${digits}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  const plain = String(value);
  return plain.includes(".") ? plain : `${plain}.0`;
}
