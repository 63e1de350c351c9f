import type { Runtime } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { fixed, formatNumber, signOf } from "./format-number.js";
import { represent, toText } from "./print.js";
import { type Arguments, Float, typeName, type Value } from "./value.js";

const part = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;
const fieldPattern = /^([^!:.[]*)((?:\.[^!:.[]+|\[[^\]]+\])*)(?:!([rs]))?(?::([\s\S]*))?$/;
const specPattern = /^(?:([\s\S])?([<>^=]))?([-+ ])?(0)?(\d+)?(,)?(?:\.(\d+))?([a-zA-Z%])?$/u;

/** Python's `text.format(…)`. @throws TemplateError where it is no such form, or uses what is not read here */
export function formatBraces(runtime: Runtime, form: string, args: Arguments): string {
  let counted = 0;
  runtime.budget.spendText(form.length);
  const text = form.replace(part, (whole, field?: string) => {
    if (whole === "{{" || whole === "}}") return whole[0]!;
    const match = field === undefined ? undefined : fieldPattern.exec(field);
    if (!match) throw notRead(`the format ${whole}`);
    const [, name = "", path = "", conversion, spec = ""] = match;
    const value = follow(runtime, pick(args, name === "" ? String(counted++) : name), path);
    const shown =
      conversion === "r" ? represent(runtime, value) : conversion === "s" ? toText(runtime, value) : value;
    return applySpec(runtime, shown, spec);
  });
  runtime.budget.spendText(text.length);
  return text;
}

function pick({ positional, named }: Arguments, name: string): Value {
  const value = /^\d+$/.test(name) ? positional[Number(name)] : named.get(name);
  if (value === undefined) throw new TemplateError(`the format has no argument '${name}'`);
  return value;
}

function follow(runtime: Runtime, value: Value, path: string): Value {
  let reached = value;
  for (const [, name, key] of path.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g)) {
    if (name !== undefined) reached = runtime.attribute(reached, name);
    else reached = runtime.item(reached, /^\d+$/.test(key!) ? Number(key) : key!);
  }
  return reached;
}

function applySpec(runtime: Runtime, value: Value, spec: string): string {
  if (spec === "") return toText(runtime, value);
  const match = specPattern.exec(spec);
  if (!match) throw notRead(`the format ':${spec}'`);
  const [, fill, align, sign = "", zero, width = "0", comma, precision, kind] = match;
  runtime.budget.spendText(Number(width));
  const isText = typeof value === "string";
  if (isText && (sign || zero || comma || align === "=" || (kind && kind !== "s")))
    throw notRead(`the format ':${spec}' for a text`);
  const digits = precision === undefined ? undefined : Number(precision);
  const body = isText ? Array.from(value).slice(0, digits).join("") : amount(value, kind, digits, comma);
  const before = isText ? "" : signOf(value, sign);
  const missing = Math.max(0, Number(width) - Array.from(body).length - before.length);
  if (comma && (zero || align === "=")) throw notRead(`the format ':${spec}'`);
  return arrange(
    before,
    body,
    fill ?? (zero ? "0" : " "),
    missing,
    align ?? (zero ? "=" : isText ? "<" : ">"),
  );
}

function arrange(sign: string, body: string, fill: string, missing: number, align: string): string {
  if (align === "=") return sign + fill.repeat(missing) + body;
  if (align === "<") return sign + body + fill.repeat(missing);
  if (align === ">") return fill.repeat(missing) + sign + body;
  const left = Math.floor(missing / 2);
  return fill.repeat(left) + sign + body + fill.repeat(missing - left);
}

function amount(value: Value, kind: string | undefined, digits: number | undefined, comma?: string): string {
  if (typeof value !== "number" && !(value instanceof Float))
    throw notRead(`a format for a value of type ${typeName(value)}`);
  if (kind === "%" && value instanceof Float) return `${fixed(Math.abs(value.value * 100), digits ?? 6)}%`;
  if (kind === undefined && value instanceof Float) throw notRead("a format for a float without its kind");
  const text = formatNumber(value, kind ?? "d", digits);
  if (!comma) return text;
  const [whole = "", ...rest] = text.split(".");
  return [whole.replace(/\B(?=(?:\d{3})+$)/g, ","), ...rest].join(".");
}
