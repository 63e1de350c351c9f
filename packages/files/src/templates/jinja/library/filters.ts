import type { Operation } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { ITEM_FILTERS } from "./item-filters.js";
import { TEXT_FILTERS } from "./text-filters.js";

const ALIASES: Readonly<Record<string, string>> = { count: "length", d: "default", e: "escape" };

/** Jinja's own filters that are not read here. */
const UNREAD = [
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
  ...Object.keys(ITEM_FILTERS),
  ...Object.keys(TEXT_FILTERS),
  ...Object.keys(ALIASES),
].sort();

/** A filter by its name. @throws TemplateError where there is none, or none that is read */
export function findFilter(name: string): Operation {
  const own = ALIASES[name] ?? name;
  if (Object.hasOwn(ITEM_FILTERS, own)) return ITEM_FILTERS[own]!;
  if (Object.hasOwn(TEXT_FILTERS, own)) return TEXT_FILTERS[own]!;
  throw UNREAD.includes(name)
    ? notRead(`the filter '${name}'`)
    : new TemplateError(`No filter named '${name}'`);
}
