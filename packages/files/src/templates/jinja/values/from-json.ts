import { TemplateError } from "../template-error.js";
import { Dict, Float, isList, Thing, type Value } from "./value.js";

/** A value of JavaScript as the template sees it. Members that are undefined are left out, as in JSON. */
export function toValue(input: unknown): Value {
  if (input === null || typeof input === "string" || typeof input === "boolean") return input;
  if (typeof input === "number") return Number.isSafeInteger(input) ? input : new Float(input);
  if (Array.isArray(input)) return input.map((item) => toValue(item ?? null));
  if (input instanceof Thing) return input;
  if (typeof input !== "object" || input === undefined)
    throw new TemplateError(`a variable is a ${typeof input}, which no template can read`);
  const members = Object.entries(input).filter(([, member]) => member !== undefined);
  return new Dict(members.map(([name, member]) => [name, toValue(member)]));
}

/** The characters of all texts in a value, and one for every other part. */
export function sizeOf(value: Value): number {
  if (typeof value === "string") return value.length + 1;
  const parts = isList(value) ? value : value instanceof Dict ? value.entries().flat() : [];
  return parts.reduce<number>((sum, part) => sum + sizeOf(part), 1);
}
