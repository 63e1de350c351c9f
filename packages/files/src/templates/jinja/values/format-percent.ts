import type { Runtime } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { formatNumber, signOf } from "./format-number.js";
import { represent, toText } from "./print.js";
import { Dict, Float, Tuple, type Value } from "./value.js";

const fieldPattern = /%(?:\(([^)]*)\))?([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?([\s\S]|$)/gu;

/** Python's `text % values`. @throws TemplateError where they don't fit */
export function formatPercent(runtime: Runtime, form: string, values: Value): string {
  const rest = values instanceof Tuple ? [...values.items] : [values];
  const next = () => {
    if (rest.length === 0) throw new TemplateError("not enough arguments for the format");
    return rest.shift()!;
  };
  const named = (name: string) => {
    const value = values instanceof Dict ? values.get(name) : undefined;
    if (value === undefined) throw new TemplateError(`the format names '${name}', which is not there`);
    return value;
  };
  runtime.budget.spendText(form.length);
  let usesNames = false;
  const text = form.replace(fieldPattern, (_, name, flags, width, precision, kind) => {
    if (kind === "%") return "%";
    if (width === "*" || precision === "*") throw notRead("a format whose width is an argument");
    usesNames ||= name !== undefined;
    const value = name === undefined ? next() : named(name);
    const field = { flags, width: Number(width ?? 0), precision: precision && Number(precision), kind };
    return formatField(runtime, value, field);
  });
  if (rest.length > 0 && !usesNames && !(values instanceof Dict))
    throw new TemplateError("not all arguments were used by the format");
  runtime.budget.spendText(text.length);
  return text;
}

interface Field {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly kind: string;
}

function formatField(runtime: Runtime, value: Value, { flags, width, precision, kind }: Field): string {
  runtime.budget.spendText(width);
  if (flags.includes("#")) throw notRead("the flag # of a format");
  if (kind === "s" || kind === "r") {
    const text = kind === "s" ? toText(runtime, value) : represent(runtime, value);
    const cut = precision === undefined ? text : Array.from(text).slice(0, precision).join("");
    return pad(cut, width, flags.includes("-"));
  }
  const wanted = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  const whole = "diu".includes(kind) && value instanceof Float ? Math.trunc(value.value) || 0 : value;
  const digits = formatNumber(whole, "diu".includes(kind) ? "d" : kind, precision);
  const sign = signOf(whole, wanted);
  if (flags.includes("0") && !flags.includes("-")) return sign + digits.padStart(width - sign.length, "0");
  return pad(sign + digits, width, flags.includes("-"));
}

function pad(text: string, width: number, left: boolean): string {
  const white = " ".repeat(Math.max(0, width - Array.from(text).length));
  return left ? text + white : white + text;
}
