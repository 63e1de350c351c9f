import { bind } from "../run/arguments.js";
import type { Operation, Runtime } from "../run/runtime.js";
import { notRead, TemplateError } from "../template-error.js";
import { calculate } from "../values/arithmetic.js";
import { areEqual, isLess } from "../values/compare.js";
import { collect, isTrue, iterate, lengthOf } from "../values/iterate.js";
import { Group, Lazy } from "../values/things.js";
import {
  asInteger,
  Dict,
  type List,
  orElse,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "../values/value.js";
import { attributeReader, withoutCase } from "./attribute-path.js";

/** The filters that take a list apart or make one. */
export const itemFilters: Readonly<Record<string, Operation>> = {
  length: (runtime, value, args) => {
    bind(args, "length", []);
    return lengthOf(runtime, value);
  },
  list: (runtime, value, args) => {
    bind(args, "list", []);
    return collect(runtime, value);
  },
  first: (runtime, value) => {
    const { done, value: first } = iterate(runtime, value).next();
    return done ? new Undefined("No first item, sequence was empty.") : first;
  },
  last: (runtime, value) => {
    if (value instanceof Lazy) throw new TemplateError("'generator' object is not reversible");
    return orElse(collect(runtime, value).at(-1), new Undefined("No last item, sequence was empty."));
  },
  reverse: (runtime, value) => {
    const items = collect(runtime, value).reverse();
    if (typeof value === "string") return items.join("");
    return value instanceof Lazy ? items : lazy(items);
  },
  sort: (runtime, value, args) => {
    const [reverse = false, caseful = false, attribute] = bind(args, "sort", [
      "reverse",
      "case_sensitive",
      "attribute",
    ]);
    return sortBy(
      runtime,
      collect(runtime, value),
      multipleKeys(attribute, isTrue(caseful)),
      isTrue(reverse),
    );
  },
  dictsort: (runtime, value, args) => {
    const parameters = ["case_sensitive", "by", "reverse"];
    const [caseful = false, by = "key", reverse = false] = bind(args, "dictsort", parameters);
    if (!(value instanceof Dict)) throw new TemplateError(`dictsort needs a dict, not ${typeName(value)}`);
    if (by !== "key" && by !== "value") throw new TemplateError("dictsort sorts by 'key' or 'value'");
    const key = (_: Runtime, pair: Value) =>
      caseKey((pair as Tuple).items[by === "key" ? 0 : 1]!, isTrue(caseful));
    const pairs = value.entries().map((pair) => new Tuple(pair));
    return sortBy(runtime, pairs, key, isTrue(reverse));
  },
  unique: (runtime, value, args) => {
    const [caseful = false, attribute] = bind(args, "unique", ["case_sensitive", "attribute"]);
    return new Lazy(uniqueItems(runtime, value, singleKey(attribute, isTrue(caseful))));
  },
  min: (runtime, value, args) =>
    extreme(runtime, value, bind(args, "min", ["case_sensitive", "attribute"]), false),
  max: (runtime, value, args) =>
    extreme(runtime, value, bind(args, "max", ["case_sensitive", "attribute"]), true),
  sum: (runtime, value, args) => {
    const [attribute, start = 0] = bind(args, "sum", ["attribute", "start"]);
    const read = attributeReader(attribute);
    if (typeof start === "string") throw new TemplateError("sum() can't sum strings");
    return collect(runtime, value).reduce<Value>(
      (sum, item) => calculate(runtime, "+", sum, read(runtime, item)),
      start,
    );
  },
  map: (runtime, value, args) =>
    new Lazy(isTrue(value) ? mapItems(runtime, value, mapper(runtime, args)) : none()),
  select: selecting(false, true),
  reject: selecting(false, false),
  selectattr: selecting(true, true),
  rejectattr: selecting(true, false),
  groupby: (runtime, value, args) => groupItems(runtime, value, args),
  items: (_, value) => {
    if (value instanceof Undefined) return new Lazy(none());
    if (!(value instanceof Dict)) throw new TemplateError("Can only get item pairs from a mapping.");
    return lazy(value.entries().map((pair) => new Tuple(pair)));
  },
  batch: (runtime, value, args) => {
    const [size, fill = null] = bind(args, "batch", ["linecount", "fill_with"], 1);
    return lazy(batches(runtime, collect(runtime, value), count(size!), fill));
  },
  slice: (runtime, value, args) => {
    const [slices, fill = null] = bind(args, "slice", ["slices", "fill_with"], 1);
    return lazy(columns(runtime, collect(runtime, value), count(slices!), fill));
  },
};

function lazy(items: List): Lazy {
  return new Lazy(items.values());
}

function* none(): IterableIterator<Value> {}

function count(value: Value): number {
  const size = asInteger(value);
  if (size === undefined || size < 1) throw notRead(`a group of ${typeName(value)} items`);
  return size;
}

type ReadKey = (runtime: Runtime, item: Value) => Value;

function caseKey(value: Value, caseful: boolean): Value {
  return caseful ? value : withoutCase(value);
}

function singleKey(attribute: Value | undefined, caseful: boolean, fallback?: Value): ReadKey {
  const read = attributeReader(attribute, fallback);
  return (runtime, item) => caseKey(read(runtime, item), caseful);
}

/** Several attributes with commas between: a list, compared from its first item on. */
function multipleKeys(attribute: Value | undefined, caseful: boolean): ReadKey {
  const paths = typeof attribute === "string" ? attribute.split(",") : [attribute];
  const reads = paths.map((path) => singleKey(path, caseful));
  return (runtime, item) => reads.map((read) => read(runtime, item));
}

/** Stable, also where it is reversed. */
function sortBy(runtime: Runtime, items: List, readKey: ReadKey, reverse: boolean): List {
  const keyed = items.map((item) => ({ item, key: readKey(runtime, item) }));
  const sign = reverse ? -1 : 1;
  keyed.sort((a, b) => {
    if (isLess(runtime, a.key, b.key)) return -sign;
    return isLess(runtime, b.key, a.key) ? sign : 0;
  });
  return keyed.map(({ item }) => item);
}

function* uniqueItems(runtime: Runtime, value: Value, readKey: ReadKey): IterableIterator<Value> {
  const seen = new Dict();
  for (const item of iterate(runtime, value)) {
    runtime.budget.spend();
    if (seen.add(readKey(runtime, item))) yield item;
  }
}

function extreme(
  runtime: Runtime,
  value: Value,
  [caseful = false, attribute]: (Value | undefined)[],
  greatest: boolean,
): Value {
  const readKey = singleKey(attribute, isTrue(caseful));
  const [first, ...rest] = collect(runtime, value);
  if (first === undefined) return new Undefined("No aggregated item, sequence was empty.");
  let best = { item: first, key: readKey(runtime, first) };
  for (const item of rest) {
    const key = readKey(runtime, item);
    const isBetter = greatest ? isLess(runtime, best.key, key) : isLess(runtime, key, best.key);
    if (isBetter) best = { item, key };
  }
  return best.item;
}

type Passed = Parameters<Operation>[2];

/** `map('name', …)` applies a filter, `map(attribute='name')` reads an attribute. */
function mapper(runtime: Runtime, { positional, named }: Passed): ReadKey {
  if (positional.length === 0 && named.has("attribute")) {
    const [attribute, fallback] = bind({ positional, named }, "map", ["attribute", "default"]);
    return attributeReader(attribute, fallback);
  }
  const [name, ...rest] = positional;
  if (typeof name !== "string") throw new TemplateError("map requires a filter argument");
  return (_, item) => runtime.filter(name, item, { positional: rest, named });
}

function* mapItems(runtime: Runtime, value: Value, change: ReadKey): IterableIterator<Value> {
  for (const item of iterate(runtime, value)) {
    runtime.budget.spend();
    yield change(runtime, item);
  }
}

function selecting(byAttribute: boolean, wanted: boolean): Operation {
  return (runtime, value, args) => {
    if (!isTrue(value)) return new Lazy(none());
    return new Lazy(selectItems(runtime, value, args, byAttribute, wanted));
  };
}

function* selectItems(
  runtime: Runtime,
  value: Value,
  { positional, named }: Passed,
  byAttribute: boolean,
  wanted: boolean,
): IterableIterator<Value> {
  const [attribute, ...tested] = byAttribute ? positional : [null, ...positional];
  if (attribute === undefined) throw new TemplateError("Missing parameter for attribute name");
  const [test, ...rest] = tested;
  const read = attributeReader(attribute);
  const args = { positional: rest, named };
  for (const item of iterate(runtime, value)) {
    runtime.budget.spend();
    const subject = read(runtime, item);
    if (test !== undefined && typeof test !== "string") throw new TemplateError("a test is named by a text");
    if ((test === undefined ? isTrue(subject) : runtime.test(test, subject, args)) === wanted) yield item;
  }
}

function groupItems(runtime: Runtime, value: Value, args: Passed): List {
  const parameters = ["attribute", "default", "case_sensitive"];
  const [attribute, fallback, caseful = false] = bind(args, "groupby", parameters, 1);
  const readKey = singleKey(attribute, isTrue(caseful), fallback);
  const readName = attributeReader(attribute, fallback);
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sortBy(runtime, collect(runtime, value), readKey, false)) {
    const key = readKey(runtime, item);
    const last = groups.at(-1);
    if (last && areEqual(runtime, last.key, key)) last.items.push(item);
    else groups.push({ key, items: [item] });
  }
  return groups.map(({ items }) => new Group([readName(runtime, items[0]!), items]));
}

function batches(runtime: Runtime, items: List, size: number, fill: Value): List {
  const rows: Value[][] = [];
  for (let at = 0; at < items.length; at += size) rows.push(items.slice(at, at + size));
  const last = rows.at(-1);
  if (!last || fill === null) return rows;
  runtime.budget.spend(size);
  while (last.length < size) last.push(fill);
  return rows;
}

function columns(runtime: Runtime, items: List, slices: number, fill: Value): List {
  runtime.budget.spend(slices);
  const [each, longer] = [Math.floor(items.length / slices), items.length % slices];
  let at = 0;
  return Array.from({ length: slices }, (_, index) => {
    const column = items.slice(at, at + each + (index < longer ? 1 : 0));
    at += column.length;
    return fill !== null && index >= longer ? [...column, fill] : column;
  });
}
