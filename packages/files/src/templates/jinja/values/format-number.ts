import { notRead, TemplateError } from "../template-error.js";
import { asInteger, asNumber, Float, typeName, type Value } from "./value.js";

/** An amount, its kind and its digits after the point, as both of Python's ways to format write it; no sign on top. */
export function formatNumber(value: Value, kind: string, precision: number | undefined): string {
  if ("fFeE".includes(kind)) return formatReal(value, kind, precision ?? 6);
  const whole = value instanceof Float ? undefined : asInteger(value);
  if (whole === undefined)
    throw new TemplateError(`the format ${kind} needs an integer, not ${typeName(value)}`);
  const size = Math.abs(whole);
  if (kind === "x") return size.toString(16);
  if (kind === "X") return size.toString(16).toUpperCase();
  if (kind === "o") return size.toString(8);
  if (kind === "b") return size.toString(2);
  if (kind === "d") return String(size);
  throw notRead(`the format '${kind}'`);
}

function formatReal(value: Value, kind: string, precision: number): string {
  const number = asNumber(value);
  if (number === undefined)
    throw new TemplateError(`the format ${kind} needs a number, not ${typeName(value)}`);
  if (!Number.isFinite(number) || precision > 100) throw notRead(`the format ${kind} of such a number`);
  const size = Math.abs(number);
  if (kind === "f" || kind === "F") return fixed(size, precision);
  const [digits = "", power = ""] = size.toExponential(precision).split("e");
  const text = `${digits}e${power[0]}${power.slice(1).padStart(2, "0")}`;
  return kind === "E" ? text.toUpperCase() : text;
}

/** Rounded to even where the number lies exactly half way, as Python rounds; JavaScript rounds up. */
export function fixed(size: number, digits: number): string {
  if (size >= 1e21) throw notRead("so large a float in a format");
  const up = size.toFixed(digits);
  const exact = size.toFixed(Math.min(100, digits + 60));
  const tail = exact.slice(digits === 0 ? exact.indexOf(".") + 1 : exact.indexOf(".") + 1 + digits);
  if (!/^50*$/.test(tail) || !/[13579]\.?$/.test(up)) return up;
  const down = exact.slice(0, exact.length - tail.length);
  return digits === 0 ? down.slice(0, -1) : down;
}

/** The sign that stands before a formatted number. */
export function signOf(value: Value, wanted: string): string {
  const number = asNumber(value) ?? 0;
  if (number < 0 || Object.is(number, -0)) return "-";
  return wanted === "+" || wanted === " " ? wanted : "";
}
