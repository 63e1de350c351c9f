import { notRead, TemplateError } from "../template-error.js";
import { Markup } from "./things.js";
import { Undefined, type Value } from "./value.js";

/**
 * Refuses what nothing can be done with: an undefined value, and a text marked as safe, which may only be printed,
 * since Python's Markup would escape whatever it is joined with.
 */
export function expectUsable(value: Value): void {
  if (value instanceof Undefined) throw new TemplateError(value.reason);
  expectUnmarked(value);
}

export function expectUnmarked(value: Value): void {
  if (value instanceof Markup) throw notRead("more than printing of a text marked as safe");
}
