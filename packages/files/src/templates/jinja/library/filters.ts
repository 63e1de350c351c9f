import type { Operation } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { itemFilters } from "./item-filters.js";
import { textFilters } from "./text-filters.js";

const aliases: Readonly<Record<string, string>> = { count: "length", d: "default", e: "escape" };

/** Jinja's own filters that are not read here. */
const unread = [
  "filesizeformat",
  "pprint",
  "random",
  "striptags",
  "truncate",
  "urlencode",
  "urlize",
  "wordwrap",
  "xmlattr",
];

/** The names of all filters that are read. */
export const filterNames: readonly string[] = [
  ...Object.keys(itemFilters),
  ...Object.keys(textFilters),
  ...Object.keys(aliases),
].sort();

/** A filter by its name. @throws TemplateError where there is none, or none that is read */
export function findFilter(name: string): Operation {
  const own = aliases[name] ?? name;
  if (Object.hasOwn(itemFilters, own)) return itemFilters[own]!;
  if (Object.hasOwn(textFilters, own)) return textFilters[own]!;
  throw unread.includes(name)
    ? notRead(`the filter '${name}'`)
    : new TemplateError(`No filter named '${name}'`);
}
