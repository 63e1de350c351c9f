import { TemplateError } from "../template-error.js";
import { Dict, Float, Thing, type Value } from "./value.js";

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
