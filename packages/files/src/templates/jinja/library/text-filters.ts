import { bind, noArguments } from "../run/arguments.js";
import type { Operation, Runtime } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { integer } from "../values/arithmetic.js";
import { fixed } from "../values/format-number.js";
import { formatPercent } from "../values/format-percent.js";
import { collect, isTrue } from "../values/iterate.js";
import { toText } from "../values/print.js";
import { Markup } from "../values/things.js";
import { expectUnmarked, expectUsable } from "../values/usable.js";
import {
  type Arguments,
  asInteger,
  asNumber,
  Dict,
  Float,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "../values/value.js";
import { type JsonLayout, writeJson } from "../values/write-json.js";
import { attributeReader } from "./attribute-path.js";
import { splitLines } from "./text.js";
import { replaceText, textMethod } from "./text-methods.js";

/** The filters that give a text, a number or what they got. */
export const textFilters: Readonly<Record<string, Operation>> = {
  string: (runtime, value) => toText(runtime, value),
  safe: (runtime, value) => (value instanceof Markup ? value : new Markup(toText(runtime, value))),
  escape: (runtime, value) =>
    value instanceof Markup ? value : new Markup(escapeHtml(runtime, toText(runtime, value))),
  forceescape: (runtime, value) => new Markup(escapeHtml(runtime, toText(runtime, value))),
  upper: asMethod("upper"),
  lower: asMethod("lower"),
  capitalize: asMethod("capitalize"),
  title: (runtime, value) => softText(runtime, value).replace(/[^\s({[<-]+/gu, titleWord),
  trim: (runtime, value, args) => {
    const [characters = null] = bind(args, "trim", ["chars"]);
    return callMethod(runtime, softText(runtime, value), "strip", [characters]);
  },
  center: (runtime, value, args) => {
    const [width = 80] = bind(args, "center", ["width"]);
    return callMethod(runtime, softText(runtime, value), "center", [width]);
  },
  replace: (runtime, value, args) => {
    const [old, fresh, count = null] = bind(args, "replace", ["old", "new", "count"], 2);
    const times = count === null ? -1 : (asInteger(count) ?? -1);
    return replaceText(
      runtime,
      toText(runtime, value),
      toText(runtime, old!),
      toText(runtime, fresh!),
      times,
    );
  },
  join: (runtime, value, args) => {
    const [separator = "", attribute] = bind(args, "join", ["d", "attribute"]);
    const read = attributeReader(attribute);
    const texts = collect(runtime, value).map((item) => toText(runtime, read(runtime, item)));
    const between = toText(runtime, separator);
    runtime.budget.spendText(texts.reduce((sum, text) => sum + text.length + between.length, 0));
    return texts.join(between);
  },
  indent: (runtime, value, args) => {
    const [width = 4, first = false, blank = false] = bind(args, "indent", ["width", "first", "blank"]);
    const margin = typeof width === "string" ? width : spaces(runtime, width);
    if (typeof value !== "string") {
      expectUsable(value);
      throw new TemplateError(`indent needs a text, not ${typeName(value)}`);
    }
    return indentText(runtime, value, margin, isTrue(first), isTrue(blank));
  },
  wordcount: (runtime, value) => softText(runtime, value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0,
  format: (runtime, value, { positional, named }) => {
    if (positional.length > 0 && named.size > 0)
      throw new TemplateError("format can't handle positional and keyword arguments at the same time");
    const values = named.size > 0 ? new Dict(named) : new Tuple(positional);
    return formatPercent(runtime, softText(runtime, value), values);
  },
  tojson: (runtime, value, args) => writeJson(runtime, value, jsonLayout(runtime, args)),
  default: (_, value, args) => {
    const [fallback = "", boolean = false] = bind(args, "default", ["default_value", "boolean"]);
    return value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? fallback : value;
  },
  attr: (runtime, value, args) => {
    const [name] = bind(args, "attr", ["name"], 1);
    if (typeof name !== "string" || value instanceof Dict) throw notRead("the filter attr of a dict");
    return runtime.attribute(value, name);
  },
  abs: (_, value) => {
    expectUsable(value);
    if (value instanceof Float) return new Float(Math.abs(value.value));
    const whole = asInteger(value);
    if (whole === undefined) throw new TemplateError(`bad operand type for abs(): '${typeName(value)}'`);
    return Math.abs(whole);
  },
  int: (runtime, value, args) => {
    const [fallback = 0, base = 10] = bind(args, "int", ["default", "base"]);
    expectUsable(value);
    if (base !== 10) throw notRead("the filter int with another base");
    return toInteger(runtime, value) ?? fallback;
  },
  float: (_, value, args) => {
    const [fallback = new Float(0)] = bind(args, "float", ["default"]);
    expectUsable(value);
    const number = toNumber(value);
    return number === undefined ? fallback : new Float(number);
  },
  round: (_, value, args) => {
    const [precision = 0, method = "common"] = bind(args, "round", ["precision", "method"]);
    return round(value, precision, method);
  },
};

function callMethod(runtime: Runtime, text: string, name: string, positional: Value[]): Value {
  return textMethod(runtime, text, name).call({ ...noArguments, positional });
}

function asMethod(name: string): Operation {
  return (runtime, value) => callMethod(runtime, softText(runtime, value), name, []);
}

/** A text as it is; anything else as it prints. */
function softText(runtime: Runtime, value: Value): string {
  expectUnmarked(value);
  const text = toText(runtime, value);
  runtime.budget.spendText(text.length);
  return text;
}

function titleWord(word: string): string {
  const first = String.fromCodePoint(word.codePointAt(0)!);
  return first.toUpperCase() + word.slice(first.length).toLowerCase();
}

function escapeHtml(runtime: Runtime, text: string): string {
  runtime.budget.spendText(6 * text.length);
  const codes: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "'": "&#39;",
    '"': "&#34;",
  };
  return text.replace(/[&<>'"]/g, (character) => codes[character]!);
}

function indentText(runtime: Runtime, text: string, margin: string, first: boolean, blank: boolean): string {
  const lines = splitLines(`${text}\n`, false);
  runtime.budget.spendText(text.length + lines.length * margin.length);
  const indented = lines.map((line, index) => (index > 0 && (blank || line !== "") ? margin : "") + line);
  return (first ? margin : "") + indented.join("\n");
}

function jsonLayout(runtime: Runtime, args: Arguments): JsonLayout {
  const parameters = ["ensure_ascii", "indent", "separators", "sort_keys"];
  const [ascii = false, indent = null, separators = null, sorted = false] = bind(args, "tojson", parameters);
  return {
    ascii: isTrue(ascii),
    indent: indent === null || typeof indent === "string" ? (indent ?? undefined) : spaces(runtime, indent),
    separators:
      separators === null ? [indent === null ? ", " : ",", ": "] : separatorsOf(runtime, separators),
    sorted: isTrue(sorted),
  };
}

function separatorsOf(runtime: Runtime, value: Value): [string, string] {
  const [between, colon, ...more] = collect(runtime, value);
  if (typeof between !== "string" || typeof colon !== "string" || more.length > 0)
    throw new TemplateError("the separators of tojson must be two texts");
  return [between, colon];
}

function spaces(runtime: Runtime, width: Value): string {
  const count = asInteger(width);
  if (count === undefined) throw new TemplateError(`a width must be an integer, not ${typeName(width)}`);
  runtime.budget.spendText(Math.max(0, count));
  return " ".repeat(Math.max(0, count));
}

const digitsPattern = /^[+-]?\d+(?:_\d+)*$/;
const real = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/;

function toInteger(runtime: Runtime, value: Value): number | undefined {
  if (typeof value === "string") {
    const text = callMethod(runtime, value, "strip", []) as string;
    if (digitsPattern.test(text)) return integer(Number(text.replaceAll("_", "")));
  }
  const number = toNumber(value);
  return number === undefined || !Number.isFinite(number) ? undefined : integer(Math.trunc(number));
}

function toNumber(value: Value): number | undefined {
  if (typeof value !== "string") return asNumber(value);
  const text = value.trim();
  if (real.test(text)) return Number(text.replaceAll("_", ""));
  const named = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (!named) return undefined;
  const size = named[2]!.toLowerCase() === "nan" ? Number.NaN : Number.POSITIVE_INFINITY;
  return named[1] === "-" ? -size : size;
}

function round(value: Value, precision: Value, method: Value): Value {
  expectUsable(value);
  const [number, digits] = [asNumber(value), asInteger(precision)];
  if (number === undefined || digits === undefined) throw new TemplateError("round needs numbers");
  if (digits < 0 || digits > 20 || !Number.isFinite(number))
    throw notRead("the filter round to such a precision");
  if (method === "ceil" || method === "floor") {
    const scale = 10 ** digits;
    const whole = method === "ceil" ? Math.ceil(number * scale) : Math.floor(number * scale);
    return new Float((whole || 0) / scale);
  }
  if (method !== "common") throw new TemplateError("method must be common, ceil or floor");
  if (!(value instanceof Float)) return number;
  if (Math.abs(number) >= 1e21) return value;
  return new Float(Math.sign(number) * Number(fixed(Math.abs(number), digits)));
}
